// Words come from the server in the person's language; only their gaps are filled here.
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

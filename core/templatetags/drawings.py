"""Our icons: shapes on a grid of 24, drawn with one stroke in the colour of the text."""

DRAWINGS = {
    "alert": '<path d="M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1"/>',
    "approved": '<circle cx="12" cy="12" r="8.5"/><path d="m8.2 12.3 2.6 2.6 5-5.4"/>',
    "arrow-down": '<path d="M12 5v14M6 13l6 6 6-6"/>',
    "arrow-end": '<path d="M5 12h14M13 6l6 6-6 6"/>',
    "arrow-start": '<path d="M19 12H5M11 6l-6 6 6 6"/>',
    "arrow-up": '<path d="M12 19V5M6 11l6-6 6 6"/>',
    "book": (
        '<path d="'
        "M12 6.5C10 5 7 4.7 3.5 5v13.5c3.5-.3 6.5 0 8.5 1.5 2-1.5 5-1.8 8.5-1.5V5C17 4.7 14 5 12 6.5z"
        'M12 6.5V20"/>'
    ),
    "box": '<path d="m12 3 8.5 4.5v9L12 21l-8.5-4.5v-9zM3.5 7.5 12 12l8.5-4.5M12 12v9"/>',
    "chart": '<path d="M4 4v16h16M8 15l3.5-4 3 2.5L20 7"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "chevron": '<path d="m7 10 5 5 5-5"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "copy": (
        '<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2"/><path d="'
        'M15.5 8.5V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7.5a2 2 0 0 0 2 2h2.5"/>'
    ),
    "data": (
        '<ellipse cx="12" cy="6" rx="7.5" ry="2.8"/><path d="'
        "M4.5 6v12c0 1.5 3.4 2.8 7.5 2.8s7.5-1.3 7.5-2.8V6"
        'M4.5 12c0 1.5 3.4 2.8 7.5 2.8s7.5-1.3 7.5-2.8"/>'
    ),
    "differences": '<path d="M12 4.5v9M7.5 9h9M7.5 19h9"/>',
    "download": '<path d="M12 4v11M7 10.5l5 5 5-5M4.5 20h15"/>',
    "eraser": '<path d="m8.5 19.5-4.3-4.3 9.6-9.7 5.7 5.7-8.3 8.3zM8.5 19.5H20M9 10.3l5.7 5.7"/>',
    "file": '<path d="M6 3.5h8l4 4v13H6zM14 3.5v4h4M9 12.5h6M9 16.5h6"/>',
    "edit": '<path d="M4.5 19.5h4L19 9l-4-4L4.5 15.5zM13 7l4 4"/>',
    "flag": '<path d="M5.5 21V4.5M5.5 5c4-2 7 2 13 0v9c-6 2-9-2-13 0"/>',
    "grid": (
        '<rect x="4" y="4" width="6.5" height="6.5" rx="1.2"/><path d="'
        "M14.7 4h4.1q1.2 0 1.2 1.2v4.1q0 1.2-1.2 1.2h-4.1q-1.2 0-1.2-1.2V5.2q0-1.2 1.2-1.2z"
        "M5.2 13.5h4.1q1.2 0 1.2 1.2v4.1q0 1.2-1.2 1.2H5.2Q4 20 4 18.8v-4.1q0-1.2 1.2-1.2z"
        'M14.7 13.5h4.1q1.2 0 1.2 1.2v4.1q0 1.2-1.2 1.2h-4.1q-1.2 0-1.2-1.2v-4.1q0-1.2 1.2-1.2z"/>'
    ),
    "grip": '<path d="M9 6v.1M9 12v.1M9 18v.1M15 6v.1M15 12v.1M15 18v.1" stroke-width="2.5"/>',
    "home": '<path d="m3.5 11.5 8.5-7.5 8.5 7.5M6 9.5V20h12V9.5M10 20v-5.5h4V20"/>',
    "info": '<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.1"/>',
    "key": '<circle cx="8" cy="15.5" r="4"/><path d="m11 12.5 8-8M16 7.5l2.5 2.5"/>',
    "keyboard": (
        '<rect x="2.5" y="6" width="19" height="12" rx="2"/><path d="M6.5 10v.1M10.2 10v.1M13.8 10v.1'
        'M17.5 10v.1M8 14h8"/>'
    ),
    "layers": '<path d="m12 3.5 9 5-9 5-9-5zM3 13l9 5 9-5"/>',
    "leave": '<path d="M10 4H5.5v16H10M10.5 12H20M16 8l4 4-4 4"/>',
    "list": '<path d="M8.5 6.5h11M8.5 12h11M8.5 17.5h11M4.5 6.5v.1M4.5 12v.1M4.5 17.5v.1"/>',
    "lock": ('<rect x="5" y="10.5" width="14" height="9.5" rx="2"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>'),
    "menu": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "moon": '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z"/>',
    "people": (
        '<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6'
        'M15.5 5.3a3.5 3.5 0 0 1 0 6.4M17.5 14.5c2.3.7 3.6 2.5 4 5.5"/>'
    ),
    "pipeline": (
        '<circle cx="5.5" cy="6" r="2.3"/><circle cx="18.5" cy="6" r="2.3"/><circle cx="12" cy="18" r="2.3"/>'
        '<path d="M7.8 6h8.4M6.7 8l4.2 8M17.3 8l-4.2 8"/>'
    ),
    "play": '<path d="M7 4.5v15l12-7.5z"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "rank": '<path d="M4 20v-6h5v6M9 20V5h6v15M15 20v-9h5v9M2.5 20h19"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6"/><path d="m15 15 5.5 5.5"/>',
    "server": (
        '<rect x="4" y="4" width="16" height="6.5" rx="1.5"/>'
        '<rect x="4" y="13.5" width="16" height="6.5" rx="1.5"/>'
        '<path d="M7.8 7.2v.1M7.8 16.7v.1M11 7.2h5M11 16.7h5"/>'
    ),
    "settings": (
        '<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>'
    ),
    "skip": '<path d="M5 5v14l9-7zM18.5 5v14"/>',
    "sun": (
        '<circle cx="12" cy="12" r="4"/><path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4'
        'M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"/>'
    ),
    "system": '<rect x="3" y="4.5" width="18" height="12" rx="2"/><path d="M8.5 20h7M12 16.5V20"/>',
    "thumb-down": (
        '<path d="M7.5 13V4H4v9zM7.5 13l3.7 7.5c1.6 0 2.6-1 2.6-2.6v-3.4h4.6a2 2 0 0 0 2-2.4l-1.2-6.4'
        'A2.1 2.1 0 0 0 17.1 4H7.5"/>'
    ),
    "thumb-up": (
        '<path d="M7.5 11v9H4v-9zM7.5 11l3.7-7.5c1.6 0 2.6 1 2.6 2.6v3.4h4.6a2 2 0 0 1 2 2.4l-1.2 6.4'
        'a2.1 2.1 0 0 1-2.1 1.7H7.5"/>'
    ),
    "undo": '<path d="M8.5 5 4 9.5 8.5 14M4.5 9.5H15a5 5 0 0 1 0 10h-4"/>',
    "view": '<path d="M4 5.5h16v13H4zM12 5.5v13"/>',
    "upload": '<path d="M12 15.5v-11M7 9.5l5-5 5 5M4.5 20h15"/>',
}

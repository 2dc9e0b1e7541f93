// The Redis Functions are read at run time next to the compiled code, and tsc copies no Lua.
import { cpSync } from 'node:fs';

cpSync('src/aggregate/functions', 'dist/aggregate/functions', { recursive: true });

import { expect, test } from 'vitest';

// Scripts have no types, because they run before anything is built.
const path = '../../scripts/bare-system.js';
const { mirrorOf } = (await import(path)) as {
  mirrorOf: (sources: string) => string | undefined;
};

test.each([
  ['deb http://mirror.example/debian bookworm main\n', 'http://mirror.example/debian'],
  [
    'deb [signed-by=/x] https://mirror.example/debian/ trixie main',
    'https://mirror.example/debian/',
  ],
  [
    'Types: deb\n# URIs: http://old.example/debian\nURIs: http://mirror.example/debian\nSuites: x\n',
    'http://mirror.example/debian',
  ],
  [
    'deb http://mirror.example/debian-security x main\ndeb http://mirror.example/debian x main\n',
    'http://mirror.example/debian',
  ],
  ['deb http://archive.example/ubuntu noble main\n', undefined],
  ['# deb http://mirror.example/debian x main\n', undefined],
  ['', undefined],
])('finds the Debian mirror in the apt sources %j', (sources, mirror) => {
  expect(mirrorOf(sources)).toBe(mirror);
});

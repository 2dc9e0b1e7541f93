import { expect, test } from 'vitest';
import { builtFileUrl } from '../../src/platform/built-file.ts';

test('for a source file, returns the matching compiled file', () => {
  const url = builtFileUrl('file:///src/pulse/src/private-servers/launch.ts', './guardian.js');
  expect(url.href).toBe('file:///src/pulse/dist/private-servers/guardian.js');
});

test('for a compiled file, returns the file next to it', () => {
  const url = builtFileUrl('file:///src/pulse/dist/private-servers/launch.js', './guardian.js');
  expect(url.href).toBe('file:///src/pulse/dist/private-servers/guardian.js');
});

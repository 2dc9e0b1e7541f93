import { expect, test } from 'vitest';
import { builtFileUrl } from '../../src/platform/built-file.ts';

test('from the sources, the compiled file of the same place', () => {
  const url = builtFileUrl('file:///src/pulse/src/private-servers/launch.ts', './guardian.js');
  expect(url.href).toBe('file:///src/pulse/dist/private-servers/guardian.js');
});

test('from compiled code, the file beside', () => {
  const url = builtFileUrl('file:///src/pulse/dist/private-servers/launch.js', './guardian.js');
  expect(url.href).toBe('file:///src/pulse/dist/private-servers/guardian.js');
});

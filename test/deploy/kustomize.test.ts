import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kustomize } from './kustomize.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const POD = `
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  containers:
    - { name: a, image: 'x:1', envFrom: [{ configMapRef: { name: c } }] }
    - { name: b, image: 'y:1' }
`;

test('an overlay patches by name, sets the image and the namespace, and merges generated objects', () => {
  write({
    'base/kustomization.yaml': `
resources: [pod.yaml]
configMapGenerator: [{ name: c, literals: [A=1, B=2] }]`,
    'base/pod.yaml': POD,
    'kustomization.yaml': `
namespace: n
resources: [base]
images: [{ name: x, newName: registry/x, newTag: '2' }]
configMapGenerator: [{ name: c, behavior: merge, literals: [B=3] }]
patches: [{ patch: '{kind: Pod, metadata: {name: p}, spec: {containers: [{name: b, tty: true}]}}' }]`,
  });
  const [pod, map] = kustomize(folder);
  const { name } = map!.metadata;
  expect(name).toMatch(/^c-[0-9a-f]{10}$/);
  expect(map).toMatchObject({
    kind: 'ConfigMap',
    metadata: { namespace: 'n' },
    data: { A: '1', B: '3' },
  });
  expect(pod).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n' },
    spec: {
      containers: [
        { name: 'a', image: 'registry/x:2', envFrom: [{ configMapRef: { name } }] },
        { name: 'b', image: 'y:1', tty: true },
      ],
    },
  });
});

test('new content gets a new name, so that pods are replaced', () => {
  const nameWith = (line: string): string => {
    write({ 'kustomization.yaml': 'secretGenerator: [{ name: s, envs: [s.env] }]', 's.env': line });
    const [secret] = kustomize(folder);
    expect(secret).toMatchObject({
      kind: 'Secret',
      data: { A: Buffer.from('=x').toString('base64') },
    });
    return secret!.metadata.name;
  };
  expect(nameWith('A==x\n')).not.toBe(nameWith('A==x\nB=1\n'));
});

test.each([
  ['what it does not support', 'namePrefix: x-', /not supported: namePrefix/],
  [
    'a patch without a target',
    "patches: [{ patch: '{kind: Pod, metadata: {name: q}}' }]",
    /No Pod q/,
  ],
  [
    'a merge with nothing',
    'configMapGenerator: [{ name: c, behavior: merge, literals: [A=1] }]',
    /nothing to merge/,
  ],
])('refuses %s', (_what, text, message) => {
  write({ 'kustomization.yaml': text });
  expect(() => kustomize(folder)).toThrow(message);
});

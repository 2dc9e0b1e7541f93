/**
 * What `kubectl kustomize` does, as far as deploy/k8s needs it: resources, components, namespace, images, patches
 * merged by name, generated ConfigMaps and Secrets with a hash in their name. It refuses everything else.
 *
 * It exists because a machine that runs the tests may lack kubectl. Where kubectl is installed, k8s.test.ts compares both.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export type Value = string | number | boolean | null | readonly Value[] | ValueRecord;
interface ValueRecord {
  readonly [name: string]: Value;
}
export interface Manifest {
  readonly [name: string]: Value;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}
type Metadata = { readonly name: string; readonly namespace?: string } & Readonly<
  Record<string, Value>
>;

interface Generator {
  readonly name: string;
  readonly behavior?: 'merge';
  readonly literals?: readonly string[];
  readonly envs?: readonly string[];
}

interface Kustomization {
  readonly kind: 'Kustomization' | 'Component';
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly Generator[];
  readonly secretGenerator?: readonly Generator[];
  readonly images?: readonly { name: string; newName: string; newTag: string }[];
  readonly patches?: readonly { patch: string }[];
}

const KNOWN = new Set([
  ...['apiVersion', 'kind', 'namespace', 'resources', 'components', 'configMapGenerator'],
  ...['secretGenerator', 'images', 'patches'],
]);
const CLUSTER_WIDE = new Set(['Namespace']);
/** Where a manifest refers to a ConfigMap or a Secret: the member, and the member in it that holds the name. */
const REFERENCES: readonly (readonly [string, 'ConfigMap' | 'Secret', string])[] = [
  ['configMapRef', 'ConfigMap', 'name'],
  ['configMapKeyRef', 'ConfigMap', 'name'],
  ['configMap', 'ConfigMap', 'name'],
  ['secretRef', 'Secret', 'name'],
  ['secretKeyRef', 'Secret', 'name'],
  ['secret', 'Secret', 'secretName'],
];

/** Builds the overlay in this folder; generated names end in a hash, as in a cluster. */
export function kustomize(folder: string): Manifest[] {
  return nameByContent(build(folder));
}

/** `generated` marks what kustomize created. It is named after its content at the end. */
type Built = Manifest & { readonly generated?: true };

function build(folder: string, below: Built[] = []): Built[] {
  const file = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
  const unknown = Object.keys(file).filter((name) => !KNOWN.has(name));
  if (unknown.length > 0) throw new Error(`${folder}: not supported: ${unknown.join(', ')}`);
  let built = [...below, ...(file.resources ?? []).flatMap((path) => read(join(folder, path)))];
  for (const path of file.components ?? []) built = build(join(folder, path), built);
  for (const one of file.configMapGenerator ?? [])
    built = generate(built, 'ConfigMap', one, folder);
  for (const one of file.secretGenerator ?? []) built = generate(built, 'Secret', one, folder);
  for (const { patch } of file.patches ?? []) built = applyPatch(built, parse(patch) as Manifest);
  if (file.namespace !== undefined) {
    const { namespace } = file;
    built = built.map((one) =>
      CLUSTER_WIDE.has(one.kind) ? one : { ...one, metadata: { ...one.metadata, namespace } },
    );
  }
  for (const { name, newName, newTag } of file.images ?? []) {
    built = mapMembers(built, (member, value) =>
      member === 'image' && typeof value === 'string' && value.split(':')[0] === name
        ? `${newName}:${newTag}`
        : undefined,
    );
  }
  return built;
}

function read(path: string): Built[] {
  if (statSync(path).isDirectory()) return build(path);
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    if (document.errors.length > 0) throw new Error(`${path}: ${String(document.errors[0])}`);
    return document.toJS() as Manifest;
  });
}

function generate(built: Built[], kind: string, generator: Generator, folder: string): Built[] {
  const lines = [
    ...(generator.literals ?? []),
    ...(generator.envs ?? []).flatMap((path) =>
      readFileSync(join(folder, path), 'utf8').split('\n'),
    ),
  ].filter((line) => line !== '');
  const own = Object.fromEntries(lines.map((line) => splitOnce(line)));
  const { name } = generator;
  const same = (one: Built) => one.kind === kind && one.metadata.name === name;
  const before = built.find(same);
  if ((before !== undefined) !== (generator.behavior === 'merge')) {
    throw new Error(
      `${folder}: ${kind} ${name} exists already, or there is nothing to merge with.`,
    );
  }
  const encode = (text: string) =>
    kind === 'Secret' ? Buffer.from(text).toString('base64') : text;
  const data = {
    ...(before?.data as Record<string, string> | undefined),
    ...Object.fromEntries(Object.entries(own).map(([key, text]) => [key, encode(text)])),
  };
  const made: Built = {
    generated: true,
    apiVersion: 'v1',
    kind,
    metadata: { ...before?.metadata, name },
    data,
    ...(kind === 'Secret' ? { type: 'Opaque' } : {}),
  };
  return [...built.filter((one) => !same(one)), made];
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}

function applyPatch(built: Built[], patch: Manifest): Built[] {
  const isTarget = (one: Built) =>
    one.kind === patch.kind && one.metadata.name === patch.metadata.name;
  if (!built.some(isTarget)) throw new Error(`No ${patch.kind} ${patch.metadata.name} to patch.`);
  return built.map((one) => (isTarget(one) ? (merge(one, patch) as Built) : one));
}

/** Strategic merge: lists are merged by the names of their members, and replaced if they have none. */
function merge(base: Value, patch: Value): Value {
  if (isList(base) && isList(patch) && [...base, ...patch].every(hasName)) {
    const patches = new Map(patch.map((one) => [nameOf(one), one]));
    const merged = base.map((one) => {
      const own = patches.get(nameOf(one));
      return own === undefined ? one : merge(one, own);
    });
    const names = new Set(base.map((one) => nameOf(one)));
    return [...merged, ...patch.filter((one) => !names.has(nameOf(one)))];
  }
  if (!isRecord(base) || !isRecord(patch)) return patch;
  const merged: Record<string, Value> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    merged[name] = merged[name] === undefined ? value : merge(merged[name], value);
  }
  return merged;
}

function nameByContent(built: Built[]): Manifest[] {
  const names = new Map<string, string>();
  const renamed = built.map(({ generated, ...one }): Manifest => {
    if (generated !== true) return one;
    const hash = createHash('sha256').update(JSON.stringify(one.data)).digest('hex').slice(0, 10);
    const name = `${one.metadata.name}-${hash}`;
    names.set(`${one.kind} ${one.metadata.name}`, name);
    return { ...one, metadata: { ...one.metadata, name } };
  });
  return mapMembers(renamed, (member, value) => {
    const reference = REFERENCES.find(([holder]) => holder === member);
    if (reference === undefined || !isRecord(value)) return undefined;
    const [, kind, nameMember] = reference;
    const name = names.get(`${kind} ${nameOf(value, nameMember)}`);
    return name === undefined ? undefined : { ...value, [nameMember]: name };
  });
}

/** Replaces members at any depth for which `change` returns a value. */
function mapMembers<T extends Value | Built[]>(
  value: T,
  change: (member: string, value: Value) => Value | undefined,
): T {
  const walk = (one: Value): Value => {
    if (isList(one)) return one.map(walk);
    if (!isRecord(one)) return one;
    const entries = Object.entries(one).map(([name, inner]) => [
      name,
      change(name, inner) ?? walk(inner),
    ]);
    return Object.fromEntries(entries) as Value;
  };
  return walk(value) as T;
}

function isRecord(value: Value | undefined): value is ValueRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function hasName(value: Value): boolean {
  return nameOf(value) !== '';
}

function nameOf(value: Value, member = 'name'): string {
  const name = isRecord(value) ? value[member] : undefined;
  return typeof name === 'string' ? name : '';
}

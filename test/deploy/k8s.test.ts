import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config.ts';
import { findProgram, usualSearch } from '../../src/private-servers/programs.ts';
import { redisWords } from './redis-words.ts';
import { REDIS_SETTINGS } from '../../src/private-servers/redis-server.ts';
import { isOwnKind, modelName, schemaMistakes } from './kubernetes-schema.ts';
import { kustomize, type Manifest } from './kustomize.ts';
import { houseMistakes, podTemplates, restrictedMistakes } from './pod-templates.ts';

const folder = mkdtempSync(join(tmpdir(), 'pulse-test-k8s-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
cpSync('deploy/k8s', folder, { recursive: true });
const newSecrets = (): void => {
  execFileSync('sh', [join(folder, 'overlays/dev/new-secrets.sh')], { stdio: 'ignore' });
};
rmSync(join(folder, 'overlays/dev/secrets.env'), { force: true });
newSecrets();

const overlays = ['dev', 'production'].map(
  (name) => [name, kustomize(join(folder, 'overlays', name))] as const,
);
const [dev, production] = overlays.map(([, manifests]) => manifests) as [Manifest[], Manifest[]];

const OURS = ['api', 'worker', 'processor', 'enricher', 'sender', 'exporter', 'migrate'];

const ofKind = (manifests: readonly Manifest[], kind: string) =>
  manifests.filter((one) => one.kind === kind);
const matches = (selector: Readonly<Record<string, string>>, labels: object) =>
  Object.entries(selector).every(([name, value]) => (labels as typeof selector)[name] === value);

describe.each(overlays)('the overlay %s', (name, manifests) => {
  const templates = podTemplates(manifests);
  const configured = manifests.filter(isOwnKind);

  test.each(configured.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))(
    '%s is valid according to the schema of its kind',
    async (_name, manifest) => {
      expect(await schemaMistakes(manifest)).toEqual([]);
    },
  );

  test('only the operators’ kinds have no schema here', () => {
    const foreign = manifests.filter((one) => !isOwnKind(one)).map(modelName);
    expect(foreign.sort()).toEqual(name === 'dev' ? [] : FOREIGN_KINDS);
  });

  test.each(templates.map((one) => [one.owner, one] as const))(
    '%s is restricted and hardened',
    (_owner, template) => {
      expect([...restrictedMistakes(template.pod), ...houseMistakes(template)]).toEqual([]);
    },
  );

  test('the namespace enforces it, and everything is in that namespace', () => {
    const [namespace] = ofKind(manifests, 'Namespace');
    expect(namespace?.metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    const elsewhere = manifests.filter(
      (one) => one.kind !== 'Namespace' && one.metadata.namespace !== namespace?.metadata.name,
    );
    expect(elsewhere).toEqual([]);
  });

  test('what no policy allows is denied', () => {
    const specs = ofKind(manifests, 'NetworkPolicy').map(({ spec }) => spec);
    expect(specs).toContainEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  test('every Service, budget and autoscaler matches its pods, and every named port exists', () => {
    for (const { metadata, spec } of [
      ...ofKind(manifests, 'Service'),
      ...ofKind(manifests, 'PodDisruptionBudget'),
    ]) {
      const { selector, ports = [] } = spec as unknown as ServiceSpec;
      const labels = (selector.matchLabels ?? selector) as Record<string, string>;
      const found = templates.filter((template) => matches(labels, template.labels));
      expect(found, metadata.name).toHaveLength(1);
      const names = found[0]?.pod.containers
        .flatMap((one) => one.ports ?? [])
        .map((one) => one.name);
      for (const { targetPort } of ports) expect(names).toContain(targetPort);
    }
    const targets = [
      ...ofKind(manifests, 'HorizontalPodAutoscaler'),
      ...ofKind(manifests, 'ScaledObject'),
    ].map(({ spec }) => (spec as { scaleTargetRef: { name: string } }).scaleTargetRef.name);
    expect(targets).toEqual(name === 'dev' ? ['pulse-api'] : ['pulse-api', 'pulse-worker']);
    for (const target of targets) {
      const deployment = ofKind(manifests, 'Deployment').find(
        (one) => one.metadata.name === target,
      );
      // Otherwise every `kubectl apply` would reset the number that the autoscaler has set.
      expect(deployment?.spec).not.toHaveProperty('replicas');
    }
  });

  test('every ConfigMap and Secret that a pod names exists, except for the production Secret', () => {
    const there = manifests.map((one) => `${one.kind} ${one.metadata.name}`);
    const text = JSON.stringify(templates.map(({ pod }) => pod));
    const named = [
      ...text.matchAll(/"(config|secret)\w*":\{"(?:name|secretName)":"([\w-]+)"/g),
    ].map(
      ([, kind, reference]) => `${kind === 'config' ? 'ConfigMap' : 'Secret'} ${String(reference)}`,
    );
    const missing = new Set(named.filter((one) => !there.includes(one)));
    expect([...missing]).toEqual(name === 'dev' ? [] : ['Secret pulse']);
  });

  test('only the API gets its secrets, and the sender shares its keys', () => {
    const wanted: Readonly<Record<string, readonly string[]>> = {
      'Deployment pulse-api': ['JWT_SECRET', 'ADMIN_PASSWORD', 'WEBHOOK_SECRET_KEYS'],
      'Deployment pulse-sender': ['WEBHOOK_SECRET_KEYS'],
    };
    for (const { owner, pod } of templates) {
      const text = JSON.stringify(pod);
      const given = wanted['Deployment pulse-api']?.filter((secret) => text.includes(secret));
      expect(given, owner).toEqual(wanted[owner] ?? []);
    }
  });

  test('the API takes an earlier signing secret if there is one, and no start waits for it', () => {
    const { env = [] } = podOf(manifests, 'api').pod.containers[0]!;
    const variable = env.find(({ name: one }) => one === 'JWT_SECRET_PREVIOUS');
    const [secret] = ofKind(manifests, 'Secret');
    const { secretKeyRef } = variable?.valueFrom ?? {};
    expect(secretKeyRef).toMatchObject({ key: 'JWT_SECRET_PREVIOUS', optional: true });
    expect(secretKeyRef?.name).toBe(secret?.metadata.name ?? 'pulse');
  });

  test.each(OURS)('the %s gets a valid configuration', (component) => {
    const config = parseConfig(environmentOf(manifests, component), { api: component === 'api' });
    expect(config.servers?.rabbitmqUrl).toMatch(/^amqp:\/\/pulse:[0-9a-f]{48}@rabbitmq:5672$/);
    expect(config.api.host).toBe('0.0.0.0');
    const { terminationGracePeriodSeconds = 30 } = podOf(manifests, component).pod as {
      terminationGracePeriodSeconds?: number;
    };
    expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.stopTimeoutMs + 5_000);
  });

  test('kubectl, where installed, builds the same', () => {
    const kubectl = findProgram('kubectl', usualSearch());
    if (kubectl === null) return;
    const built = execFileSync(kubectl, ['kustomize', join(folder, 'overlays', name)], {
      encoding: 'utf8',
      env: {},
    });
    const theirs = parseAllDocuments(built).map((one) => one.toJS() as Manifest);
    expect(comparable(theirs)).toEqual(comparable(manifests));
  });
});

test('an unknown member is a mistake, and so is a wrong type', async () => {
  const [deployment] = ofKind(dev, 'Deployment');
  const changed = (text: string, other: string) =>
    JSON.parse(JSON.stringify(deployment).replace(text, other)) as Manifest;
  expect(await schemaMistakes(changed('readOnlyRootFilesystem', 'readOnlyRootFileSystem'))).toEqual(
    ['unknown member /spec/template/spec/containers/0/securityContext/readOnlyRootFileSystem'],
  );
  expect(await schemaMistakes(changed('"containerPort":3000', '"containerPort":"3000"'))).toEqual([
    expect.stringContaining('containerPort'),
  ]);
  expect(await schemaMistakes({ ...deployment!, kind: 'Deploymint' })).toEqual([
    'no schema for apps/v1 Deploymint',
  ]);
});

test('production contains no secret, and dev commits none', () => {
  expect(ofKind(production, 'Secret')).toEqual([]);
  const ignored = 'deploy/k8s/overlays/dev/secrets.env';
  expect(execFileSync('git', ['check-ignore', ignored], { encoding: 'utf8' }).trim()).toBe(ignored);
});

test('secrets are generated once, because servers keep the passwords of their first start', () => {
  const file = join(folder, 'overlays/dev/secrets.env');
  const before = readFileSync(file, 'utf8');
  newSecrets();
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('Redis has the settings that the counts depend on, in both', () => {
  const args = redisWords(podOf(dev, 'redis').pod.containers[0]!.args?.at(-1));
  const map = production.find((one) => one.metadata.name === 'redis-durable');
  const file = (map?.data as Record<string, string>)['redis-additional.conf']!.split('\n');
  for (const [name, value] of Object.entries(REDIS_SETTINGS)) {
    // Only tests need many databases. An empty value has quotes only in a file.
    if (name === 'databases' || name === 'save') continue;
    expect(args[args.indexOf(`--${name}`) + 1], name).toBe(value);
    expect(file).toContain(`${name} ${value}`);
  }
  expect(file).toContain('save ""');
  expect(args[args.indexOf('--save') + 1]).toBe('');
});

test('the alias `pulse` of operations.md runs where every command has what it needs', () => {
  const text = readFileSync('docs/operations.md', 'utf8');
  const [, name = ''] = /alias pulse='kubectl .* exec deployment\/pulse-(\w+) --/.exec(text) ?? [];
  const { env = [] } = podOf(production, name).pod.containers[0]!;
  expect(env.map((one) => one.name)).toContain('WEBHOOK_SECRET_KEYS_FILE');
});

test('KEDA, which connects from a namespace of its own, can resolve the RABBITMQ_URL of the README', () => {
  const [trigger] = ofKind(production, 'TriggerAuthentication');
  expect(trigger?.spec).toMatchObject({
    secretTargetRef: [{ parameter: 'host', name: 'pulse', key: 'RABBITMQ_URL' }],
  });
  const [cluster] = ofKind(production, 'RabbitmqCluster');
  const { name, namespace } = cluster!.metadata;
  const readme = readFileSync('deploy/k8s/README.md', 'utf8');
  const hosts = [...readme.matchAll(/amqp:\/\/[^@\s]+@([^:\s]+):5672/g)].map(([, host]) => host);
  expect(hosts).toEqual(Array(2).fill(`${name}.${namespace}.svc`));
});

interface ServiceSpec {
  readonly selector: Readonly<Record<string, unknown>>;
  readonly ports?: readonly { readonly targetPort: string }[];
}

const FOREIGN_KINDS = [
  'keda.sh/v1alpha1 ScaledObject',
  'keda.sh/v1alpha1 TriggerAuthentication',
  'postgresql.cnpg.io/v1 Cluster',
  'rabbitmq.com/v1beta1 RabbitmqCluster',
  'redis.redis.opstreelabs.in/v1beta2 Redis',
];

function podOf(manifests: readonly Manifest[], component: string) {
  const wanted = { 'app.kubernetes.io/component': component };
  const found = podTemplates(manifests).find(({ labels }) => matches(wanted, labels));
  if (found === undefined) throw new Error(`No pod of ${component}.`);
  return found;
}

/** The environment of the container's process: its variables, and the files of its Secret from the dev overlay. */
function environmentOf(manifests: readonly Manifest[], component: string): Record<string, string> {
  const [container] = podOf(manifests, component).pod.containers;
  const mapNames = container!.envFrom?.map((one) => one.configMapRef?.name);
  const fromMaps = ofKind(manifests, 'ConfigMap')
    .filter((one) => mapNames?.includes(one.metadata.name))
    .map(({ data }) => data as Record<string, string>);
  const own = Object.fromEntries(
    (container!.env ?? []).map(({ name, value = '' }) => [name, value]),
  );
  const all = [...fromMaps, own].reduce((sum, one) => ({ ...sum, ...one }), {});
  const [secret] = ofKind(dev, 'Secret');
  for (const [key, value] of Object.entries(secret!.data as Record<string, string>)) {
    writeFileSync(join(folder, key), Buffer.from(value, 'base64'));
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, value.replace('/run/secrets/pulse', folder)]),
  );
}

/** By kind and name, without hashes and base64 line breaks, which kubectl makes differently. */
function comparable(manifests: readonly Manifest[]): Record<string, unknown> {
  const text = JSON.stringify(manifests).replaceAll(/"pulse-[0-9a-z]{10}"/g, '"pulse-HASH"');
  const all = JSON.parse(text) as Manifest[];
  for (const { data } of ofKind(all, 'Secret')) {
    const values = data as Record<string, string>;
    for (const name of Object.keys(values)) values[name] = values[name]!.replaceAll('\n', '');
  }
  return Object.fromEntries(all.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
}

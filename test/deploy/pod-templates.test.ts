import { describe, expect, test } from 'vitest';
import { houseMistakes, podTemplates, restrictedMistakes, type Pod } from './pod-templates.ts';

const context = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const container = { name: 'c', securityContext: context };
const good: Pod = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [container],
  volumes: [{ name: 'v', emptyDir: {} }],
};

/** The good pod with one container changed. */
function withContainer(changes: object): Pod {
  return { ...good, containers: [{ ...container, ...changes }] };
}
function withContext(changes: object): Pod {
  return withContainer({ securityContext: { ...context, ...changes } });
}

describe('the check for Pod Security `restricted`', () => {
  test('accepts a restricted pod', () => {
    expect(restrictedMistakes(good)).toEqual([]);
    expect(
      restrictedMistakes(
        withContext({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
      ),
    ).toEqual([]);
  });

  test.each<[string, Pod]>([
    ['hostNetwork', { ...good, hostNetwork: true }],
    ['hostPID', { ...good, hostPID: true }],
    ['hostIPC', { ...good, hostIPC: true }],
    ['volume v', { ...good, volumes: [{ name: 'v', hostPath: { path: '/' } }] }],
    [
      'sysctl kernel.msgmax',
      {
        ...good,
        securityContext: { ...good.securityContext, sysctls: [{ name: 'kernel.msgmax' }] },
      },
    ],
    ['runAsUser', { ...good, securityContext: { ...good.securityContext, runAsUser: 0 } }],
    ['c: runAsUser', withContext({ runAsUser: 0 })],
    ['c: runAsNonRoot', { ...good, securityContext: { seccompProfile: { type: 'Localhost' } } }],
    ['c: runAsNonRoot', withContext({ runAsNonRoot: false })],
    ['c: seccompProfile', { ...good, securityContext: { runAsNonRoot: true } }],
    ['c: seccompProfile', withContext({ seccompProfile: { type: 'Unconfined' } })],
    ['c: allowPrivilegeEscalation', withContext({ allowPrivilegeEscalation: undefined })],
    ['c: privileged', withContext({ privileged: true })],
    ['c: capabilities.drop', withContext({ capabilities: { drop: ['NET_RAW'] } })],
    ['c: capabilities.add', withContext({ capabilities: { drop: ['ALL'], add: ['SYS_TIME'] } })],
    ['c: procMount', withContext({ procMount: 'Unmasked' })],
    ['c: seLinuxOptions', withContext({ seLinuxOptions: { type: 'spc_t' } })],
    ['c: seLinuxOptions', withContext({ seLinuxOptions: { user: 'system_u' } })],
    ['c: appArmorProfile', withContext({ appArmorProfile: { type: 'Unconfined' } })],
    ['c: hostProcess', withContext({ windowsOptions: { hostProcess: true } })],
    ['c: hostPort', withContainer({ ports: [{ name: 'p', containerPort: 1, hostPort: 1 }] })],
    [
      'i: privileged',
      {
        ...good,
        initContainers: [{ name: 'i', securityContext: { ...context, privileged: true } }],
      },
    ],
  ])('names %s', (mistake, pod) => {
    expect(restrictedMistakes(pod)).toEqual([mistake]);
  });
});

test('the check of our own rules names what is missing', () => {
  expect(
    houseMistakes({
      owner: 'Deployment d',
      labels: {},
      pod: { containers: [{ name: 'c', image: 'redis:latest' }] },
    }),
  ).toEqual([
    'automountServiceAccountToken',
    ...['readOnlyRootFilesystem', 'image', 'cpu', 'memory'].map((what) => `c: ${what}`),
    ...['startupProbe', 'livenessProbe', 'readinessProbe'].map((what) => `c: ${what}`),
  ]);
});

test('templates are found for every kind of owner', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [] } };
  const manifest = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, spec: { template } };
  expect(podTemplates([manifest])).toEqual([
    { owner: 'X x', labels: { a: 'b' }, pod: { containers: [] } },
  ]);
  expect(podTemplates([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }])).toEqual([]);
});

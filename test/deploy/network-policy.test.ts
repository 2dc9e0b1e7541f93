import { BlockList, isIPv6 } from 'node:net';
import { expect, test } from 'vitest';
import { createAddressGuard } from '../../src/delivery/address-guard.ts';
import { kustomize } from './kustomize.ts';
import { podTemplates } from './pod-templates.ts';

const OURS = ['api', 'worker', 'processor', 'enricher', 'sender', 'exporter', 'migrate'];
const COMPONENT = 'app.kubernetes.io/component';
const [RABBITMQ, REDIS, POSTGRES] = [5672, 6379, 5432];
/** Public and private ones, just inside and outside each range. */
const ADDRESSES = [
  ...['1.1.1.1', '9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  ...['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  ...['168.63.129.15', '168.63.129.16', '169.253.255.255', '169.254.169.254', '169.255.0.0'],
  ...['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  ...['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  ...['2606:4700:4700::1111', 'fc00::1', 'fe80::1', '::1', '64:ff9b::a00:1'],
];

const manifests = kustomize('deploy/k8s/base');

test.each(OURS)(
  'the policies let the %s reach the servers that it uses, and Prometheus its metrics',
  (component) => {
    const toServers = egressOf(component).filter(({ to }) => to.some(isEveryPod));
    const used = ['sender', 'exporter'].includes(component)
      ? [RABBITMQ, POSTGRES]
      : [RABBITMQ, REDIS, POSTGRES];
    expect(portsOf(toServers)).toEqual(used);
    const entered = policiesOf(component).flatMap(({ ingress = [] }) => ingress);
    const fromClients = component === 'api' ? [3000] : [];
    expect(portsOf(entered)).toEqual(component === 'migrate' ? [] : [...fromClients, 9464]);
  },
);

test('only the sender, and the API for its tests, reach the Internet: the ports and the public addresses that webhooks may have', () => {
  const isOutside = ({ to }: EgressRule) => to.some(({ ipBlock }) => ipBlock !== undefined);
  for (const component of OURS) {
    const rules = egressOf(component).filter(isOutside);
    expect(rules, component).toHaveLength(['sender', 'api'].includes(component) ? 1 : 0);
  }
  const { to, ports } = egressOf('sender').find(isOutside)!;
  const guard = createAddressGuard({ allowPrivate: false, allowedRanges: [] });
  for (const port of [22, 79, 80, 81, 442, 443, 444, 1023, 1024, 9464, 65_535]) {
    const isOpen = ports.some((one) => port >= one.port && port <= (one.endPort ?? one.port));
    expect(isOpen, String(port)).toBe(guard.checkUrl(`http://1.1.1.1:${port}`).ok);
  }
  for (const address of ADDRESSES) {
    const host = isIPv6(address) ? `[${address}]` : address;
    expect(to.some(allows(address)), address).toBe(guard.checkUrl(`http://${host}`).ok);
  }
});

interface PolicySpec {
  readonly podSelector: {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly { readonly values: readonly string[] }[];
  };
  readonly egress?: readonly EgressRule[];
  readonly ingress?: readonly Pick<EgressRule, 'ports'>[];
}

interface EgressRule {
  readonly to: readonly Peer[];
  readonly ports: readonly { readonly port: number; readonly endPort?: number }[];
}

interface Peer {
  readonly podSelector?: object;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

/** The policies that name this component. */
function policiesOf(component: string): readonly PolicySpec[] {
  const isThere = podTemplates(manifests).some(({ labels }) => labels[COMPONENT] === component);
  if (!isThere) throw new Error(`No pod of ${component}.`);
  return manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map(({ spec }) => spec as unknown as PolicySpec)
    .filter(
      ({ podSelector: { matchLabels = {}, matchExpressions = [] } }) =>
        matchLabels[COMPONENT] === component ||
        matchExpressions.some(({ values }) => values.includes(component)),
    );
}

const egressOf = (component: string) => policiesOf(component).flatMap(({ egress = [] }) => egress);

const portsOf = (rules: readonly Pick<EgressRule, 'ports'>[]) =>
  rules.flatMap(({ ports }) => ports.map(({ port }) => port));

const isEveryPod = ({ podSelector }: Peer) =>
  podSelector !== undefined && Object.keys(podSelector).length === 0;

const allows =
  (address: string) =>
  ({ ipBlock }: Peer) =>
    ipBlock !== undefined &&
    isWithin(address, [ipBlock.cidr]) &&
    !isWithin(address, ipBlock.except ?? []);

function isWithin(address: string, ranges: readonly string[]): boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    list.addSubnet(network, Number(bits), familyOf(network));
  }
  return list.check(address, familyOf(address));
}

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

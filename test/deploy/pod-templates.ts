/** The pods that manifests would start, and the rules for a hardened one. */
import type { Manifest, Value } from './kustomize.ts';

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
  readonly ports?: readonly {
    readonly name: string;
    readonly containerPort: number;
    readonly hostPort?: number;
  }[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: {
      readonly name: string;
      readonly key: string;
      readonly optional?: boolean;
    };
  };
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

interface SecurityContext {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly procMount?: string;
  readonly seccompProfile?: { readonly type: string };
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seLinuxOptions?: Readonly<Record<string, string>>;
  readonly appArmorProfile?: { readonly type: string };
  readonly windowsOptions?: { readonly hostProcess?: boolean };
  readonly sysctls?: readonly { readonly name: string }[];
}

export interface Pod {
  readonly [name: string]: unknown;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: SecurityContext;
  readonly volumes?: readonly ({ readonly name: string } & Readonly<Record<string, Value>>)[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly automountServiceAccountToken?: boolean;
}

export interface PodTemplate {
  /** `Deployment pulse-api`. */
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: Pod;
}

/** The template of every manifest that has one, of any kind. */
export function podTemplates(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const { template } = (spec ?? {}) as {
      template?: { metadata?: { labels?: Record<string, string> }; spec: unknown };
    };
    if (template === undefined) return [];
    const labels = template.metadata?.labels ?? {};
    return [{ owner: `${kind} ${metadata.name}`, labels, pod: template.spec as Pod }];
  });
}

const VOLUMES = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim'],
  ...['projected', 'secret'],
];
const PROFILES = ['RuntimeDefault', 'Localhost'];
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
];
const SELINUX_TYPES = ['container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

/**
 * What the profile `restricted` of the Pod Security Standards (which includes `baseline`) refuses in a pod.
 *
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function restrictedMistakes(pod: Pod): string[] {
  const own = pod.securityContext ?? {};
  const mistakes = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter(
    (name) => pod[name] === true,
  ) as string[];
  for (const { name, ...source } of pod.volumes ?? []) {
    if (!Object.keys(source).every((type) => VOLUMES.includes(type)))
      mistakes.push(`volume ${name}`);
  }
  for (const { name } of own.sysctls ?? []) {
    if (!SYSCTLS.includes(name)) mistakes.push(`sysctl ${name}`);
  }
  mistakes.push(...contextMistakes(own));
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    const inner = container.securityContext ?? {};
    const found = [
      ...contextMistakes(inner),
      ...containerMistakes(inner),
      ...((inner.runAsNonRoot ?? own.runAsNonRoot) === true ? [] : ['runAsNonRoot']),
      ...(PROFILES.includes((inner.seccompProfile ?? own.seccompProfile)?.type ?? '')
        ? []
        : ['seccompProfile']),
      ...(container.ports ?? []).filter(({ hostPort = 0 }) => hostPort !== 0).map(() => 'hostPort'),
    ];
    mistakes.push(...found.map((mistake) => `${container.name}: ${mistake}`));
  }
  return mistakes;
}

/** What a pod's and a container's context share. */
function contextMistakes(context: SecurityContext): string[] {
  const { seLinuxOptions = {}, appArmorProfile, windowsOptions } = context;
  const { type, user, role } = seLinuxOptions;
  return [
    ...(context.runAsUser === 0 ? ['runAsUser'] : []),
    ...(windowsOptions?.hostProcess === true ? ['hostProcess'] : []),
    ...(appArmorProfile === undefined || PROFILES.includes(appArmorProfile.type)
      ? []
      : ['appArmorProfile']),
    ...((type === undefined || SELINUX_TYPES.includes(type)) &&
    user === undefined &&
    role === undefined
      ? []
      : ['seLinuxOptions']),
  ];
}

function containerMistakes(context: SecurityContext): string[] {
  const { drop = [], add = [] } = context.capabilities ?? {};
  return [
    ...(context.privileged === true ? ['privileged'] : []),
    ...(context.allowPrivilegeEscalation === false ? [] : ['allowPrivilegeEscalation']),
    ...(drop.includes('ALL') ? [] : ['capabilities.drop']),
    ...(add.every((name) => name === 'NET_BIND_SERVICE') ? [] : ['capabilities.add']),
    ...((context.procMount ?? 'Default') === 'Default' ? [] : ['procMount']),
  ];
}

/** The rules of this project that go beyond the profile. */
export function houseMistakes({ owner, pod }: PodTemplate): string[] {
  const staysUp = !owner.startsWith('Job ');
  const mistakes =
    pod.automountServiceAccountToken === false ? [] : ['automountServiceAccountToken'];
  for (const container of pod.containers) {
    const { name, image = '', resources, securityContext } = container;
    const found = [
      ...(securityContext?.readOnlyRootFilesystem === true ? [] : ['readOnlyRootFilesystem']),
      ...(/^[^:]+:(local|v?\d+\.\d+(\.\d+)?(-alpine)?)$/.test(image) ? [] : ['image']),
      ...['cpu', 'memory'].filter(
        (what) =>
          resources?.requests?.[what] === undefined || resources.limits?.[what] === undefined,
      ),
      ...(['startupProbe', 'livenessProbe', 'readinessProbe'] as const).filter(
        (probe) => staysUp && container[probe] === undefined,
      ),
    ];
    mistakes.push(...found.map((mistake) => `${name}: ${mistake}`));
  }
  return mistakes;
}

/** Checks manifests against the schemas of Kubernetes' own kinds. */
import type { Manifest, Value } from './kustomize.ts';

interface Model {
  /** Validates its `this`. */
  readonly prototype: { validate(): void };
}

/** The kinds that are checked, and where their models are. A test that meets a missing kind fails. */
const MODELS: Readonly<Record<string, () => Promise<Model>>> = {
  'v1 ConfigMap': async () => (await import('kubernetes-models/v1/ConfigMap')).ConfigMap,
  'v1 Namespace': async () => (await import('kubernetes-models/v1/Namespace')).Namespace,
  'v1 PersistentVolumeClaim': async () =>
    (await import('kubernetes-models/v1/PersistentVolumeClaim')).PersistentVolumeClaim,
  'v1 Secret': async () => (await import('kubernetes-models/v1/Secret')).Secret,
  'v1 Service': async () => (await import('kubernetes-models/v1/Service')).Service,
  'v1 ServiceAccount': async () =>
    (await import('kubernetes-models/v1/ServiceAccount')).ServiceAccount,
  'apps/v1 Deployment': async () =>
    (await import('kubernetes-models/apps/v1/Deployment')).Deployment,
  'apps/v1 StatefulSet': async () =>
    (await import('kubernetes-models/apps/v1/StatefulSet')).StatefulSet,
  'autoscaling/v2 HorizontalPodAutoscaler': async () =>
    (await import('kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'))
      .HorizontalPodAutoscaler,
  'batch/v1 Job': async () => (await import('kubernetes-models/batch/v1/Job')).Job,
  'networking.k8s.io/v1 NetworkPolicy': async () =>
    (await import('kubernetes-models/networking.k8s.io/v1/NetworkPolicy')).NetworkPolicy,
  'policy/v1 PodDisruptionBudget': async () =>
    (await import('kubernetes-models/policy/v1/PodDisruptionBudget')).PodDisruptionBudget,
};

export function modelName({ apiVersion, kind }: Manifest): string {
  return `${apiVersion} ${kind}`;
}

/** Whether Kubernetes itself defines the kind; an operator's kinds have no schema here. */
export function isOwnKind(manifest: Manifest): boolean {
  return modelName(manifest) in MODELS;
}

/**
 * What is wrong with a manifest: what its schema refuses, and every member that the schema does not know.
 *
 * Kubernetes' definitions allow unknown members, so a misspelt one would go unnoticed. The generated validators
 * read every member that they know; what they have not read at the end is unknown.
 */
export async function schemaMistakes(manifest: Manifest): Promise<string[]> {
  const load = MODELS[modelName(manifest)];
  if (load === undefined) return [`no schema for ${modelName(manifest)}`];
  const { prototype } = await load();
  const unread = new Set<string>();
  try {
    prototype.validate.call(watch(manifest, '', unread));
  } catch (error) {
    return [(error as Error).message];
  }
  return [...unread].map((path) => `unknown member ${path}`);
}

/** Adds the paths of all members to `unread`, and removes each path that is read. */
function watch(value: Value, path: string, unread: Set<string>): Value {
  if (typeof value !== 'object' || value === null) return value;
  const inner = new Map(
    Object.entries(value).map(([name, member]) => {
      if (!Array.isArray(value)) unread.add(`${path}/${name}`);
      return [name, watch(member, `${path}/${name}`, unread)];
    }),
  );
  return new Proxy(value, {
    get(target, name, receiver) {
      if (typeof name === 'symbol' || !inner.has(name)) {
        return Reflect.get(target, name, receiver) as unknown;
      }
      unread.delete(`${path}/${name}`);
      return inner.get(name);
    },
  });
}

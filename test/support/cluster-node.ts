/** What the nodes of test clusters have in common: a guardian that ends them with the test run, and names. */
import { mkdirSync } from 'node:fs';
import { startGuardian, type Guardian } from '../../src/private-servers/guardian-client.ts';
import type { Server } from '../../src/private-servers/process-spec.ts';
import { waitUntilReady } from '../../src/private-servers/start-server.ts';

export interface ClusterNode {
  readonly name: string;
  readonly url: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** For signals that end nothing, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** The same port and files again; resolves when it answers. */
  start(): Promise<void>;
}

/** Owns the processes under a directory, which is removed with them, however the test run ends. */
export async function guardCluster(directory: string): Promise<Guardian> {
  mkdirSync(directory, { recursive: true });
  return startGuardian({ directory, keepFiles: false });
}

/** Starts one node, whose last process gets the node's name; resolves when it answers. */
export async function startNode(
  guardian: Guardian,
  name: string,
  server: Server,
): Promise<ClusterNode> {
  const processes = server.processes.map((spec, index) =>
    index === server.processes.length - 1 ? { ...spec, name } : spec,
  );
  const named = { ...server, processes };
  for (const spec of processes) await guardian.send({ kind: 'start', spec });
  await waitUntilReady(guardian, named);
  return {
    name,
    url: server.url,
    kill: () => guardian.send({ kind: 'signal', name, signal: 'SIGKILL' }),
    signal: (signal) => guardian.send({ kind: 'signal', name, signal }),
    async start() {
      await guardian.send({ kind: 'restart', name });
      await waitUntilReady(guardian, named);
    },
  };
}

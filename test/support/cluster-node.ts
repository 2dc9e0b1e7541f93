/** What the nodes of all test clusters share: names, and a guardian that ends them with the test run. */
import { mkdirSync } from 'node:fs';
import { startGuardian, type Guardian } from '../../src/private-servers/guardian-client.ts';
import type { Server } from '../../src/private-servers/process-spec.ts';
import { waitUntilReady } from '../../src/private-servers/start-server.ts';

export interface ClusterNode {
  readonly name: string;
  readonly url: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** For signals that do not end the process, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and files; resolves when it answers. */
  start(): Promise<void>;
}

/** Owns the processes that run in a directory. Removes the directory with them, however the test run ends. */
export async function guardCluster(directory: string): Promise<Guardian> {
  mkdirSync(directory, { recursive: true });
  return startGuardian({ directory, keepFiles: false });
}

/** Starts one node; resolves when it answers. The last of its processes gets the node's name. */
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

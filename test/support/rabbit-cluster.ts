/** A RabbitMQ cluster on loopback, with the program and settings of the private servers. */
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../src/private-servers/free-port.ts';
import type { Guardian } from '../../src/private-servers/guardian-client.ts';
import { findPrograms, usualSearch } from '../../src/private-servers/programs.ts';
import { createRabbitmqServer } from '../../src/private-servers/rabbitmq-server.ts';
import { startNode, type ClusterNode } from './cluster-node.ts';

export interface RabbitCluster {
  /** Lists every node. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
}

/**
 * Starts the nodes, each of which joins the earlier ones; resolves when all answer.
 *
 * They start one by one, because two nodes of RabbitMQ 3 that start together may each found a cluster. No node
 * lists a later one, because RabbitMQ 4 waits until another node on its list answers.
 */
export async function startRabbitCluster(
  guardian: Guardian,
  options: { directory: string; nodes: number },
): Promise<RabbitCluster> {
  const { rabbitmq, path } = await findPrograms(usualSearch());
  if (rabbitmq === null) throw new Error('RabbitMQ is not installed here.');
  const password = randomBytes(16).toString('hex');
  const erlangCookie = randomBytes(16).toString('hex').toUpperCase();
  const epmdPort = await freePort();
  const names = Array.from({ length: options.nodes }, (_, index) => `rabbitmq-${index + 1}`);
  const nodes: ClusterNode[] = [];
  for (const name of names) {
    const directory = join(options.directory, name);
    const server = createRabbitmqServer({
      ...{ directory, path, ...rabbitmq, port: await freePort(), epmdPort },
      ...{ password, erlangCookie, nodeName: name, trim: true },
    });
    const list = [...nodes.map((node) => node.name), name].map(
      (peer, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${peer}@localhost\n`,
    );
    appendFileSync(join(directory, 'rabbitmq.conf'), list.join(''));
    // All nodes use the port mapper of the first one.
    const processes = nodes.length === 0 ? server.processes : server.processes.slice(-1);
    nodes.push(await startNode(guardian, name, { ...server, processes }));
  }
  const hosts = nodes.map(({ url }) => new URL(url).host);
  const [first] = nodes;
  const { username, password: own } = new URL(first?.url ?? '');
  return { url: `amqp://${username}:${own}@${hosts.join(',')}`, nodes };
}

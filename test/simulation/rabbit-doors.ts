/** Stands in for `src/platform/rabbit-connection.ts`. Imports nothing of ours, because what is imported here cannot be replaced. */
import type { Channel, ChannelModel } from 'amqplib';

/** How to reach the broker of a simulation, by the URL of each of its processes, while it lasts. */
export const rabbitDoors = new Map<string, () => Promise<ChannelModel>>();

export function openRabbitConnection(url: string): Promise<ChannelModel> {
  const open = rabbitDoors.get(url);
  if (open === undefined) return Promise.reject(new Error(`Nobody listens at ${url}.`));
  return open();
}

export function closeRabbitConnection(connection: ChannelModel): Promise<void> {
  return connection.close().catch(() => undefined);
}

export function closeChannel(channel: Channel): Promise<void> {
  return channel.close();
}

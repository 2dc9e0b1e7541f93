/** Replaces `src/platform/rabbit-connection.ts`. Imports none of our code, because a mock cannot replace what is imported here. */
import type { Channel, ChannelModel } from 'amqplib';

/** How each process of a running simulation reaches the broker, by the URL that only this process uses. */
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

/** What signs and sends webhooks: the sender uses it, and the API for test events. */
import type { PartRun } from '../cli/part.ts';
import { createAddressGuard } from '../delivery/address-guard.ts';
import { createSecretBox } from '../delivery/secret-box.ts';
import { createWebhookSender } from '../delivery/send-webhook.ts';

const USER_AGENT = 'Pulse-Webhooks/1.0';
/** Of the time left for a stop; the connections that close afterwards need the rest. */
const CLOSE_SHARE = 0.5;

/** The run closes it. */
export function openWebhooks({ config, credentials, closer }: PartRun) {
  const guard = createAddressGuard(config.delivery);
  const sender = createWebhookSender({ guard, userAgent: USER_AGENT });
  closer.add('webhooks', () => sender.close(), CLOSE_SHARE);
  return { guard, sender, secretBox: createSecretBox(credentials.secretKeys) };
}

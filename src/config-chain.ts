/** The configuration of the chain around the pipeline: messages, orders, webhooks, workflows and exports. */
import { resolve } from 'node:path';
import { bool, str, type CleanedEnv } from 'envalid';
import {
  addressRanges,
  currency,
  integer,
  messagePrefix,
  secretKeys,
  url,
} from './config-values.ts';

/** Beside the data of private servers. */
const EXPORT_DIR_DEFAULT = '.pulse/exports';

export function chainVariables() {
  return {
    MESSAGE_PREFIX: messagePrefix({ default: undefined }),
    ORDER_CURRENCY: currency({ default: 'USD' }),
    ENRICHMENT_URL: url('http:', 'https:')({ default: undefined }),
    ENRICHMENT_TIMEOUT_MS: integer(100, 60_000)({ default: 5_000 }),
    EVENT_RETENTION_DAYS: integer(1, 3_650)({ default: 90 }),
    WEBHOOK_SECRET_KEYS: secretKeys({ default: [] }),
    WEBHOOK_ALLOW_PRIVATE: bool({ default: false }),
    WEBHOOK_ALLOWED_RANGES: addressRanges({ default: [] }),
    WORKFLOW_RETENTION_DAYS: integer(1, 3_650)({ default: 90 }),
    EXPORT_DIR: str({ default: EXPORT_DIR_DEFAULT }),
    EXPORT_TTL_HOURS: integer(1, 8_760)({ default: 72 }),
    EXPORT_QUOTA_BYTES: integer(1_000_000, 1_000_000_000_000_000)({ default: 10_000_000_000 }),
    INGEST: bool({ default: true }),
    PROCESSOR: bool({ default: true }),
    ENRICHER: bool({ default: true }),
    SENDER: bool({ default: true }),
    EXPORTER: bool({ default: true }),
  };
}

/** @param prefix Of the names of exchanges and queues, unless the environment sets one. */
export function chainOf(env: CleanedEnv<ReturnType<typeof chainVariables>>, prefix: string) {
  return {
    messages: { prefix: env.MESSAGE_PREFIX ?? prefix },
    orders: {
      currency: env.ORDER_CURRENCY,
      /** Undefined: there is no external service. */
      enrichmentUrl: env.ENRICHMENT_URL,
      enrichmentTimeoutMs: env.ENRICHMENT_TIMEOUT_MS,
    },
    events: {
      /** Messages, deliveries and attempts of a month are dropped when it ended so long ago. */
      retentionDays: env.EVENT_RETENTION_DAYS,
    },
    workflows: {
      /** Consumed ones are deleted so long after they were consumed. */
      retentionDays: env.WORKFLOW_RETENTION_DAYS,
    },
    delivery: {
      /** Empty: no endpoint can be created. Private servers have a key of their own. */
      secretKeys: env.WEBHOOK_SECRET_KEYS,
      allowPrivate: env.WEBHOOK_ALLOW_PRIVATE,
      allowedRanges: env.WEBHOOK_ALLOWED_RANGES,
    },
    exports: {
      /** The same folder for every API and exporter. */
      directory: resolve(env.EXPORT_DIR),
      ttlHours: env.EXPORT_TTL_HOURS,
      quotaBytes: env.EXPORT_QUOTA_BYTES,
    },
    /** What `pulse start` and `pulse worker` run. */
    runs: {
      ingest: env.INGEST,
      processor: env.PROCESSOR,
      enricher: env.ENRICHER,
      sender: env.SENDER,
      exporter: env.EXPORTER,
    },
  };
}

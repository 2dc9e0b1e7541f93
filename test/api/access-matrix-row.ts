/** What the rows of the access matrix are made of. */
import type { InjectOptions } from 'fastify';
import type { Role } from '../../src/http/caller.ts';

export const OWN_TENANT = 'matrix-own-tenant';
export const OTHER_TENANT = 'matrix-other-tenant';
export const V1 = '/api/v1';

/** The data of the requests. All of it belongs to `OWN_TENANT`. */
export interface MatrixWorld {
  /** The id of a row of pulses. */
  readonly pulseId: string;
  readonly populateRunId: string;
  readonly customerId: string;
  /** The SKU of a product, which belongs to no tenant. */
  readonly sku: string;
  readonly orderId: string;
  readonly subscriptionId: string;
  /** A producer and an event type, which belong to no tenant. */
  readonly producer: string;
  readonly eventType: string;
  /** The id of a message of the producer. */
  readonly messageId: string;
  /** An endpoint that rows may change, and a delivery to it with one attempt. */
  readonly endpointId: string;
  readonly deliveryId: string;
  /** Creates an endpoint. @returns Its id. */
  newEndpoint(): Promise<string>;
  /** Creates an active subscription; its second change is pending. @returns Its id. */
  newSubscription(): Promise<string>;
  /** Creates a workflow that is consumed. @returns Its id. */
  newWorkflow(): Promise<string>;
  /** Creates an export whose file is ready. @returns Its id. */
  newExport(): Promise<string>;
  /** Creates a user. @returns Its name. */
  newUser(): Promise<string>;
  /** Creates a key. @returns Its id. */
  newKey(): Promise<string>;
  /** Creates a quarantined dead letter. @returns Its id. */
  newDeadLetter(): Promise<string>;
}

export type MatrixRow =
  | { readonly public: true }
  | {
      readonly public?: never;
      readonly roles: readonly Role[];
      readonly request: (world: MatrixWorld) => InjectOptions | Promise<InjectOptions>;
      readonly strangers: number;
      readonly shows?: true;
    };

/** What the global set-up provides to every integration test: `inject('services')`. */
import 'vitest';

export interface ProvidedServices {
  readonly RABBITMQ_URL: string;
  readonly REDIS_URL: string;
  readonly DATABASE_URL: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    services: ProvidedServices;
  }
}

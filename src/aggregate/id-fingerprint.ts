import { hash } from 'node:crypto';
export const ID_BYTES = 10;
export class IdFingerprints {
  secret: string;
  constructor(secret: string) {
    this.secret = secret;
  }
  write(target: Uint8Array, offset: number, tenant: string, id: string): void {
    target.set(
      Buffer.from(hash('sha256', `${this.secret}${tenant}\x1f${id}`, 'hex').slice(0, 20), 'hex'),
      offset,
    );
  }
}

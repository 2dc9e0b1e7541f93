/** Starts the test files that take longest first, so that no worker is left with a long one at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that start servers or many processes. The first run on a machine has no measured times to go by. */
const LONG = [
  /cluster.*\.integration/,
  /\/(flows|commands|private-servers|grafana|deploy)\/.*\.integration/,
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG.findIndex((pattern) => pattern.test(moduleId));
  return rank === -1 ? LONG.length : rank;
}

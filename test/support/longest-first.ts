/**
 * Starts the test files that take longest first, so that no worker is left with a long one at the end. Files of one
 * project follow each other, because a worker that takes a file of another project starts anew and imports everything
 * again.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The simulation is one long file. The unit tests are short, and fill the end. */
const PROJECTS = ['simulation', 'tidy', 'integration', 'unit'];

/** Files that start servers or many processes. The first run on a machine has no measured times to go by. */
const LONG = [
  /cluster.*\.integration/,
  /\/(flows|commands|web|private-servers|grafana|deploy)\/.*\.integration/,
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((one, other) => rankOf(one) - rankOf(other));
  }
}

function rankOf({ project, moduleId }: TestSpecification): number {
  const length = LONG.findIndex((pattern) => pattern.test(moduleId));
  return (
    PROJECTS.indexOf(project.name) * (LONG.length + 1) + (length === -1 ? LONG.length : length)
  );
}

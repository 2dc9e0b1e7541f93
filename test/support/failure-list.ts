/** The end of a failed run: what failed, and the command that runs each of them alone. */
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

interface Failure {
  readonly file: string;
  /** Undefined when the file or one of its hooks failed outside a test. */
  readonly test: TestCase | undefined;
  readonly message: string;
}

/** A long list helps less than its first lines. */
const LISTED_MAX = 20;

/** Prints nothing when the run passed. */
export function createFailureList(write: (text: string) => void): Reporter {
  return {
    onTestRunEnd(modules, unhandled) {
      const failures = modules.flatMap(failuresOf);
      if (failures.length === 0 && unhandled.length === 0) return;
      const lines = failures.slice(0, LISTED_MAX).flatMap(describe);
      const restCount = failures.length - LISTED_MAX;
      if (restCount > 0) lines.push(`and ${restCount} more`);
      if (unhandled.length > 0) lines.push(`${unhandled.length} errors outside tests, see above`);
      write(`\nFailed, and how to run each alone:\n\n${lines.join('\n')}\n\n`);
    },
  };
}

function failuresOf(module: TestModule): Failure[] {
  const file = relative(process.cwd(), module.moduleId);
  const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  const outside = suites.flatMap((suite) =>
    suite.errors().map(({ message }) => ({ file, test: undefined, message })),
  );
  const tests = [...module.children.allTests('failed')].map((test) => ({
    file,
    test,
    message: test.result().errors?.[0]?.message ?? '',
  }));
  return [...outside, ...tests];
}

function describe({ file, test, message }: Failure): string[] {
  const [reason = ''] = message.split('\n');
  const title = test === undefined ? `${file} (outside a test)` : `${file} > ${test.fullName}`;
  const choice = test === undefined ? '' : ` -t '${patternOf(test)}'`;
  return [`✗ ${title}`, `    ${reason.slice(0, 160)}`, `    npm test -- ${file}${choice}`];
}

/** As vitest compares it: the names of suites and test, joined by spaces. A dot replaces what a shell or a regular expression could interpret. */
function patternOf(test: TestCase): string {
  const names: string[] = [];
  for (let at: TestCase | TestSuite | TestModule = test; at.type !== 'module'; at = at.parent) {
    names.unshift(at.name);
  }
  return `^${names.join(' ').replaceAll(/[^\p{L}\p{N} ,:;=%/_-]/gu, '.')}$`;
}

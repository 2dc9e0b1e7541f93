/** `pulse completion`: a script for the shell, made from the list of commands. */
import { Argument, type Command } from 'commander';
import { EXIT_DONE } from '../cli/command.ts';
import type { SetUp } from '../cli/define-command.ts';

/** A command and what may follow it. */
interface Place {
  /** Its name, with that of its group before it; empty for `pulse` alone. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly { readonly name: string; readonly about: string }[];
}

const SCRIPTS: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const completion: SetUp = (command, { environment, setExitCode, loadAll }) => {
  command
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      '\nExamples:\n  $ pulse completion bash > ~/.local/share/bash-completion/completions/pulse\n' +
        '  $ pulse completion zsh > "${fpath[1]}/_pulse"\n' +
        '  $ pulse completion fish > ~/.config/fish/completions/pulse.fish',
    )
    .action(async (shell: string) => {
      environment.stdout.write(SCRIPTS[shell]?.(placesOf(await loadAll())) ?? '');
      setExitCode(EXIT_DONE);
    });
};

function placesOf(command: Command, path = ''): Place[] {
  const { commands } = command;
  const own: Place = {
    path,
    commands: commands.map((one) => ({ name: one.name(), summary: one.description() })),
    options: [
      ...command.options
        .filter(({ hidden }) => !hidden)
        .map(({ long, description }) => ({ name: long ?? '', about: description })),
      { name: '--help', about: 'display help for command' },
    ],
  };
  return [own, ...commands.flatMap((one) => placesOf(one, `${path} ${one.name()}`.trim()))];
}

function wordsAfter({ commands, options }: Place): string {
  return [...commands, ...options].map(({ name }) => name).join(' ');
}

/** Finds the command that the words before the cursor name, in variable `place`; `words` may then follow. */
function findPlace(places: readonly Place[], wordsBefore: string): string {
  const paths = places.slice(1).map(({ path }) => `"${path}"`);
  return `  local place= words= word
  for word in ${wordsBefore}; do
    case "\${place:+$place }$word" in
      ${paths.join('|')}) place="\${place:+$place }$word" ;;
    esac
  done
  case "$place" in
${places.map((place) => `    "${place.path}") words="${wordsAfter(place)}" ;;`).join('\n')}
  esac`;
}

function bashScript(places: readonly Place[]): string {
  return `# Completes pulse in bash.
_pulse() {
${findPlace(places, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pulse pulse
`;
}

/** `words` holds the command line in zsh, so the candidates have another name. */
function zshScript(places: readonly Place[]): string {
  const find = findPlace(places, '"${(@)words[2,CURRENT-1]}"')
    .replace('place= words= word', 'place= candidates= word')
    .replaceAll(') words="', ') candidates="');
  return `#compdef pulse
# Completes pulse in zsh.
_pulse() {
${find}
  compadd -- \${=candidates} || _files
}
if [ "$funcstack[1]" = _pulse ]; then _pulse "$@"; else compdef _pulse pulse; fi
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const seen = path.split(' ').map((name) => `__fish_seen_subcommand_from ${name}`);
    const names = commands.map(({ name }) => name).join(' ');
    const isHere = path === '' ? '__fish_use_subcommand' : seen.join('; and ');
    const isNext = path === '' ? isHere : `${isHere}; and not __fish_seen_subcommand_from ${names}`;
    return [
      ...commands.map(
        ({ name, summary }) =>
          `complete -c pulse -f -n '${isNext}' -a ${name} -d ${quoted(summary)}`,
      ),
      ...options.map(
        ({ name, about }) =>
          `complete -c pulse -n '${isHere}' -l ${name.slice(2)} -d ${quoted(about)}`,
      ),
    ];
  });
  return `# Completes pulse in fish.\n${lines.join('\n')}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

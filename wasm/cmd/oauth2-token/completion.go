package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
)

var errNoCredential = errors.New("no credential for that host")

// shells are those for which completion writes a script.
var shells = []string{"bash", "zsh", "fish"}

// completion returns a script that completes commands, their arguments, flags and providers.
func completion(shell string) string {
	var names []string
	(&options{}).flags(map[string]string{}).VisitAll(func(f *flag.Flag) { names = append(names, "-"+f.Name) })
	words := func(list ...string) string { return strings.Join(list, " ") }
	var arguments []string // a case for each command with arguments
	for _, c := range commands {
		if c.arguments != nil {
			arguments = append(arguments, fmt.Sprintf("%s) offer=%q ;;", c.name, words(c.arguments...)))
		}
	}
	switch shell {
	case "bash", "zsh":
		body := fmt.Sprintf(`
  case $previous in
  -config|-dir|-socket|-agent) FILES ;;
  -provider) offer=%q ;;
  %s
  *) case $current in
    -*) offer=%q ;;
    *) offer=%q ;;
    esac ;;
  esac`, words(presets.Names()...), strings.Join(arguments, "\n  "), words(names...), words(commandNames()...))
		if shell == "bash" {
			body = strings.Replace(body, "FILES", "return", 1) // -o default: files
			return "_oauth2_token() {\n  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} offer" + body +
				"\n  COMPREPLY=($(compgen -W \"$offer\" -- \"$current\"))\n}\ncomplete -o default -F _oauth2_token oauth2-token\n"
		}
		body = strings.Replace(body, "FILES", "_files; return", 1)
		return "#compdef oauth2-token\n_oauth2_token() {\n  local current=${words[CURRENT]} previous=${words[CURRENT-1]}\n  local offer" + body +
			"\n  compadd -- ${=offer}\n}\ncompdef _oauth2_token oauth2-token\n"
	case "fish":
		var b strings.Builder
		fmt.Fprintf(&b, "complete -c oauth2-token -n __fish_use_subcommand -f -a %q\n", words(commandNames()...))
		for _, c := range commands {
			if c.arguments != nil {
				fmt.Fprintf(&b, "complete -c oauth2-token -n '__fish_seen_subcommand_from %s' -f -a %q\n", c.name, words(c.arguments...))
			}
		}
		for _, name := range names {
			more := ""
			if name == "-provider" {
				more = fmt.Sprintf(" -x -a %q", words(presets.Names()...))
			}
			fmt.Fprintf(&b, "complete -c oauth2-token -o %s%s\n", name[1:], more)
		}
		return b.String()
	}
	return ""
}

func commandNames() (names []string) {
	for _, c := range commands {
		names = append(names, c.name)
	}
	return names
}

// commandOf finds a command by its name.
func commandOf(name string) (command, bool) {
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return commands[i], true
}

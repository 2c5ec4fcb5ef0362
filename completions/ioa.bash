# Completion of ioa(1) for bash, with or without the bash-completion package.

_ioa_commands='connect listen resolve run-child timer'

_ioa_general='-v --verbose --quiet --events --loop --color -h --help'

_ioa_options() {
  case $1 in
    connect)
      echo "$_ioa_general" -4 -6 -n --numeric -u --udp -U --unix -s --source -p --source-port --interface \
        --ttl --tos --nodelay --keepalive --sndbuf --rcvbuf --fastopen --mptcp -b --broadcast --sequential --attempt-delay \
        -w --connect-timeout --retry --wait --retry-delay --retry-max-delay \
        -i --idle-timeout --timeout --on-stdin-eof --on-peer-eof -q --quit-after -N \
        --send-only --recv-only --frame --mtu -o --output -x --hex-dump --append -C --crlf --rate \
        --progress --stats --sha256 -e --exec -c --sh-exec --to --kill-after \
        -z --probe -j --jobs --any --until-closed --stable --json
      ;;
    listen)
      echo "$_ioa_general" -4 -6 -n --numeric -U --unix -u --udp -p --port -l --listen \
        --backlog --frame --mtu \
        --reuse-port --unix-mode --interface --ttl --tos --nodelay --keepalive --sndbuf --rcvbuf \
        --fastopen --mptcp -k --keep-open --echo --discard --broker --chat \
        --slow-peer --tag --allow --deny --allow-file --deny-file --max-per-ip \
        -m --max-conns --buffer --workers \
        --user --group --port-file --ready-fd -i --idle-timeout --accept-timeout --timeout \
        -w --connect-timeout --drain --on-stdin-eof --on-peer-eof -q --quit-after -N \
        --send-only --recv-only -o --output -x --hex-dump --append -C --crlf --rate --progress \
        --stats --sha256 -e --exec -c --sh-exec --to --kill-after
      ;;
    resolve)
      echo "$_ioa_general" -4 -6 -s --short --first -x --reverse --via --server -t --type \
        -j --jobs --timeout --attempts --max-rate --format --json --unordered --progress
      ;;
    run-child)
      echo "$_ioa_general" --timeout --idle-timeout --kill-signal --kill-after --guard --chdir \
        --env --unset --clear-env --umask --nice --user --group --rlimit --stdin --stdin-text \
        --stdout --stderr --fd --pty --new-session --listen --tag --timestamps --report --json \
        --capture --restart --max-restarts --retry --backoff --success-status --from -j --jobs \
        -0 --null --unordered --interleave --halt --progress
      ;;
    timer)
      echo "$_ioa_general" --count --for --until --first --align --jitter --missed --print --format \
        --json --progress --overlap --kill-after --stop-on-failure
      ;;
    *) echo --help --version -h ;;
  esac
}

# The short options of a command that take a value.
_ioa_letters_with_value() {
  case $1 in
    connect) echo spwiqoxecj ;;
    listen) echo pmwiqoxec ;;
    resolve) echo tj ;;
    run-child) echo j ;;
  esac
}

# Prints the option that waits for a value after the word $2, if one does.
_ioa_waiting_option() {
  local command=$1 word=$2 letters i
  [[ $command == listen && $word == --listen ]] && return
  case $word in
    --*=*) ;;
    --idle-timeout | --kill-signal | --kill-after | --chdir | --env | --unset | --umask | \
      --nice | --user | --group | --rlimit | --stdin | --stdin-text | --stdout | --stderr | \
      --fd | --listen | --restart | --max-restarts | --backoff | --success-status | --count | \
      --for | --until | --first | --jitter | --missed | --format | --overlap | --from | --halt)
      echo "$word"
      ;;
    --events | --loop | --color | --source | --source-port | --interface | --ttl | --tos | \
      --keepalive | --sndbuf | --rcvbuf | --attempt-delay | --connect-timeout | --retry | \
      --wait | --retry-delay | --retry-max-delay | --idle-timeout | --timeout | \
      --on-stdin-eof | --on-peer-eof | --quit-after | --output | --hex-dump | --rate | --exec | \
      --sh-exec | --to | --kill-after | --jobs | --frame | --mtu | --stable | \
      --port | --backlog | --unix-mode | --max-conns | --buffer | --workers | --port-file | \
      --slow-peer | --allow | --deny | --allow-file | --deny-file | --max-per-ip | \
      --ready-fd | --accept-timeout | --drain | \
      --via | --server | --type | --attempts | --max-rate)
      echo "$word"
      ;;
    --*) ;;
    -?*)
      # A cluster: its first letter that takes a value has the rest of the word, or the next one.
      letters=$(_ioa_letters_with_value "$command")
      for ((i = 1; i < ${#word}; i++)); do
        if [[ $letters == *"${word:i:1}"* ]]; then
          ((i == ${#word} - 1)) && echo "-${word:i:1}"
          return
        fi
      done
      ;;
  esac
}

_ioa_hosts() {
  if declare -F _known_hosts_real >/dev/null; then
    _known_hosts_real -- "$1"
  else
    mapfile -t COMPREPLY < <(compgen -A hostname -- "$1")
  fi
}

_ioa_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# Completes a command line of its own that begins at the word $1.
_ioa_command_line() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
  else
    _ioa_files "${COMP_WORDS[COMP_CWORD]}"
  fi
  return 0
}

# Completes the value of an option.
_ioa_value() {
  local option=$1 cur=$2 words=
  case $option in
    --loop) words='epoll poll select' ;;
    --color) words='auto always never' ;;
    --on-stdin-eof) words='half-close after-reply close keep' ;;
    --on-peer-eof) words='auto exit finish' ;;
    --slow-peer) words='pause drop disconnect' ;;
    --frame) words='chunk line nul len32' ;;
    --via) words='system dns' ;;
    --type | -t) words='A AAAA PTR CNAME MX NS TXT SRV SOA CAA HTTPS' ;;
    --format) [[ $command == resolve ]] && words='text json hosts getent' ;;
    --progress) words='auto always never' ;;
    --to)
      words='tcp: tcp4: tcp6: unix: exec: shell: pty: read: write: file: fd: zero: random: discard -'
      ;;
    --exec | -e)
      mapfile -t COMPREPLY < <(compgen -c -- "$cur")
      return
      ;;
    --events | --output | -o | --hex-dump | -x | --stdin | --stdout | --stderr | --from | \
      --port-file | --allow-file | --deny-file)
      _ioa_files "$cur"
      return
      ;;
    --chdir)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      return
      ;;
    --user | --group | --unset)
      words=${option#--}
      mapfile -t COMPREPLY < <(compgen -A "${words/unset/export}" -- "$cur")
      return
      ;;
    --kill-signal) words=$(compgen -A signal | sed -n 's/^SIG//p') ;;
    --restart) words='never on-failure always' ;;
    --missed) words='skip catch-up drift' ;;
    --overlap) words='skip queue kill parallel' ;;
    --halt) words='never soon now' ;;
    --rlimit) words=$(printf '%s= ' as core cpu data fsize memlock nofile nproc stack) ;;
    --source | -s)
      words=$(ip -o addr show 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }')
      ;;
    --interface) words=$(command ls /sys/class/net 2>/dev/null) ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

_ioa() {
  local cur=${COMP_WORDS[COMP_CWORD]} command= option= prefix= operands=0 has_unix= i word
  COMPREPLY=()

  if [[ ${COMP_WORDS[1]} == help && $COMP_CWORD -gt 1 ]]; then
    ((COMP_CWORD == 2)) && mapfile -t COMPREPLY < <(compgen -W "$_ioa_commands" -- "$cur")
    return
  fi

  # The command: the first word, or connect where that is a host or an option, as in nc.
  if ((COMP_CWORD > 1)); then
    command=connect
    for word in $_ioa_commands; do
      [[ ${COMP_WORDS[1]} == "$word" ]] && command=$word
    done
    [[ ${COMP_WORDS[1]} == run ]] && command=run-child
  fi

  # Operands and options before the cursor. Bash cuts words at = and : and makes these words.
  i=1
  [[ $command == "${COMP_WORDS[1]}" || $command == run-child ]] && i=2
  for (( ; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == = ]]; then
      # What is before it is an option that waits for what follows.
      option=${COMP_WORDS[i - 1]}
    elif [[ $word == : || ${COMP_WORDS[i - 1]} == : ]]; then
      option=
    elif [[ -n $option ]]; then
      option=
    elif [[ $word == -- && $command != resolve ]]; then
      _ioa_command_line "$((i + 1))" && return
    elif [[ $word == -?* ]]; then
      option=$(_ioa_waiting_option "$command" "$word")
      [[ $word == --unix || $word == -[!-]*U* || $word == -U ]] && has_unix=1
    else
      operands=$((operands + 1))
      # The command that is run, and its arguments.
      [[ $command == run-child ]] && _ioa_command_line "$i" && return
    fi
  done
  if [[ $cur == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 1]} cur=
  elif [[ $cur == --*=* ]]; then  # where = cuts no words
    option=${cur%%=*} prefix=$option= cur=${cur#*=}
  fi

  if [[ -n $option ]]; then
    _ioa_value "$option" "$cur"
    [[ -n $prefix ]] && COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
  elif [[ $cur == -* ]]; then
    if [[ -z $command ]]; then
      # Options without a command are those of connect.
      mapfile -t COMPREPLY < <(compgen -W "$(_ioa_options) $(_ioa_options connect)" -- "$cur")
    else
      mapfile -t COMPREPLY < <(compgen -W "$(_ioa_options "$command")" -- "$cur")
    fi
  elif [[ $command == run-child ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur")
  elif [[ $command == timer ]]; then
    ((operands == 0)) && mapfile -t COMPREPLY < <(compgen -W 'after every at idle' -- "$cur")
  elif [[ $cur == unix:* ]]; then
    _ioa_files "${cur#unix:}"
    COMPREPLY=("${COMPREPLY[@]/#/unix:}")
  elif [[ $cur == : || ${COMP_WORDS[COMP_CWORD - 1]} == : ]]; then
    # HOST:PORT or unix:PATH, cut at the colon; what is completed is what follows it.
    word=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $cur == : ]] && word=${COMP_WORDS[COMP_CWORD - 1]} cur=
    if [[ $word == unix ]]; then
      _ioa_files "$cur"
    else
      mapfile -t COMPREPLY < <(compgen -A service -- "$cur")
    fi
  elif [[ -z $command ]]; then
    _ioa_hosts "$cur"
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$_ioa_commands run help" -- "$cur")
  elif [[ -n $has_unix ]]; then
    _ioa_files "$cur"
  elif [[ $command == connect && $operands -gt 0 ]]; then
    mapfile -t COMPREPLY < <(compgen -A service -- "$cur")
  elif [[ $command == listen ]]; then
    _ioa_hosts "$cur"
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -A service -W 'systemd unix:' -- "$cur")
  else
    _ioa_hosts "$cur"
  fi
}

complete -F _ioa ioa

# Completion of ioa(1) for fish.

# Whether the command line is one of `ioa $argv[1]`. Without the name of a command it is connect, as in nc.
function __ioa_command
    set -l words (commandline -opc)
    set -l command connect
    if set -q words[2]; and contains -- $words[2] connect listen resolve run-child timer help
        set command $words[2]
    else if test "$words[2]" = run
        set command run-child
    end
    test $command = $argv[1]
end

# Whether nothing but options of ioa itself can stand here, or a command.
function __ioa_no_command
    set -l words (commandline -opc)
    test (count $words) -eq 1
end

# Whether the operand before this one is a host, so that a port follows.
function __ioa_after_host
    set -l words (commandline -opc)
    __ioa_command connect; and set -q words[2]; or return 1
    set -l with_value -s --source -p --source-port --interface --ttl --tos --keepalive --sndbuf \
        --rcvbuf --frame --mtu --stable --attempt-delay -w --connect-timeout --retry --wait --retry-delay \
        --retry-max-delay -i --idle-timeout --timeout --on-stdin-eof --on-peer-eof -q \
        --quit-after -o --output -x --hex-dump --rate -e --exec -c --sh-exec --to --kill-after \
        -j --jobs --events --loop --color
    set -l is_value 0
    for word in $words[2..-1]
        if test $is_value = 1
            set is_value 0
        else if contains -- $word $with_value; or string match -qr '^-[^-]*[spwiqoj]$' -- $word
            set is_value 1
        else if not string match -q -- '-?*' $word; and test $word != connect
            return 0
        end
    end
    return 1
end

# Whether the command that run-child runs is on the command line already, and all that follows it.
function __ioa_command_line
    set -l words (commandline -opc)
    __ioa_command run-child; and set -q words[3]; or return 1
    set -l with_value --timeout --idle-timeout --kill-signal --kill-after --chdir --env --unset \
        --umask --nice --user --group --rlimit --stdin --stdin-text --stdout --stderr --fd \
        --listen --restart --max-restarts --retry --backoff --success-status --from --jobs -j --halt \
        --events --loop --color
    set -l is_value 0
    for index in (seq 3 (count $words))
        set -l word $words[$index]
        if test $is_value = 1
            set is_value 0
        else if contains -- $word $with_value
            set is_value 1
        else if test "$word" = --
            test $index -lt (count $words); and printf '%s\n' $words[(math $index + 1)..-1]
            return 0
        else if not string match -q -- '-?*' $word
            printf '%s\n' $words[$index..-1]
            return 0
        end
    end
    return 1
end

function __ioa_has_command
    __ioa_command_line >/dev/null
end

# Completes what is run as if it stood alone.
function __ioa_complete_command
    set -l words (__ioa_command_line)
    set -l escaped
    test -n "$words"; and set escaped (string escape -- $words)
    complete -C (string join -- ' ' $escaped (commandline -ct | string collect -a))
end

function __ioa_takes_host
    __ioa_command resolve; and return
    __ioa_is_unix; and return 1
    __ioa_command listen; or __ioa_command connect; and not __ioa_after_host
end

function __ioa_is_unix
    begin
        __ioa_command connect; or __ioa_command listen
    end
    and __fish_contains_opt -s U unix
end

# Hosts, or the paths behind a unix: that is being typed.
function __ioa_hosts
    set -l word (commandline -ct)
    if string match -q 'unix:*' -- $word
        set -l path (string replace unix: '' -- $word)
        complete -C "'' $path" | string replace -r '^' unix:
    else
        printf '%s\n' localhost unix: (__fish_print_hostnames)
    end
end

function __ioa_local_addresses
    ip -o addr show 2>/dev/null | string replace -rf '.*inet6? ([^/ ]+).*' '$1'
end

function __ioa_services
    test -r /etc/services
    and string replace -rf '^([a-z][^\s#]*)\s+(\d+)/tcp.*' '$1\t$2' </etc/services
end

function __ioa_interfaces
    command ls /sys/class/net 2>/dev/null
end

complete -c ioa -f

# Commands and operands.
complete -c ioa -n __ioa_no_command -a connect -d 'Join stdin and stdout to a peer, or probe ports'
complete -c ioa -n __ioa_no_command -a listen -d 'Accept peers and serve each'
complete -c ioa -n __ioa_no_command -a resolve -d 'Names to addresses, addresses to names'
complete -c ioa -n __ioa_no_command -a run-child -d 'Run, supervise and report on a command'
complete -c ioa -n __ioa_no_command -a run -d 'The same as run-child'
complete -c ioa -n __ioa_no_command -a timer -d 'Wait, tick, and run commands on time'
complete -c ioa -n '__ioa_command timer; and test (count (commandline -opc)) -eq 2' -a 'after every at idle'
complete -c ioa -n __ioa_no_command -a help -d 'What a command takes'
complete -c ioa -n '__ioa_command help; and test (count (commandline -opc)) -eq 2' -a 'connect listen resolve run-child timer'
complete -c ioa -n __ioa_no_command -l version -d 'Print the version and exit'
complete -c ioa -n '__ioa_takes_host' -a '(__ioa_hosts)'
complete -c ioa -n '__ioa_after_host; and not __ioa_is_unix' -a '(__ioa_services)' -d Port
complete -c ioa -n '__ioa_command listen; and not __ioa_is_unix' -a '(__ioa_services)' -d Port
complete -c ioa -n '__ioa_command listen; and not __ioa_is_unix' -a systemd -d 'Sockets that were passed'
complete -c ioa -n __ioa_is_unix -F

complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -a '(__fish_complete_command)'
complete -c ioa -n __ioa_has_command -a '(__ioa_complete_command)'

# Options of every command.
complete -c ioa -s v -l verbose -d 'Say what is done, on stderr'
complete -c ioa -l quiet -d 'Say nothing but fatal errors'
complete -c ioa -l events -r -F -d 'Write events as JSON Lines'
complete -c ioa -l loop -x -a 'epoll poll select' -d 'Event backend'
complete -c ioa -l color -x -a 'auto always never' -d 'Colour on stderr'
complete -c ioa -s h -l help -d 'Print help and exit'

# connect
complete -c ioa -n '__ioa_command connect' -s 4 -d 'Use IPv4 only'
complete -c ioa -n '__ioa_command connect' -s 6 -d 'Use IPv6 only'
complete -c ioa -n '__ioa_command connect' -s n -l numeric -d 'Look no host name up'
complete -c ioa -n '__ioa_command connect' -s u -l udp -d 'Use UDP, or with -U Unix datagrams'
complete -c ioa -n '__ioa_command connect' -s U -l unix -d 'The operand is the path of a Unix socket'
complete -c ioa -n '__ioa_command connect' -s s -l source -x -a '(__ioa_local_addresses)' -d 'Connect from this local address'
complete -c ioa -n '__ioa_command connect' -s p -l source-port -x -d 'Connect from this local port'
complete -c ioa -n '__ioa_command connect' -l interface -x -a '(__ioa_interfaces)' -d 'Connect through this network interface'
complete -c ioa -n '__ioa_command connect' -l ttl -x -d 'Time to live of what is sent'
complete -c ioa -n '__ioa_command connect' -l tos -x -d 'Type of service of what is sent'
complete -c ioa -n '__ioa_command connect' -l nodelay -d 'Send small writes at once'
complete -c ioa -n '__ioa_command connect' -l keepalive -x -d 'Probe the peer after so long a silence'
complete -c ioa -n '__ioa_command connect' -l sndbuf -x -d 'Send buffer of the socket'
complete -c ioa -n '__ioa_command connect' -l rcvbuf -x -d 'Receive buffer of the socket'
complete -c ioa -n '__ioa_command connect' -l fastopen -d 'Send the first bytes with the SYN'
complete -c ioa -n '__ioa_command connect' -l mptcp -d 'Use Multipath TCP where the system has it'
complete -c ioa -n '__ioa_command connect' -s b -l broadcast -d 'UDP: allow broadcast'
complete -c ioa -n '__ioa_command connect' -l sequential -d 'Try each address in turn'
complete -c ioa -n '__ioa_command connect' -l attempt-delay -x -d 'Head start of each address over the next one'
complete -c ioa -n '__ioa_command connect' -s w -l connect-timeout -x -d 'Limit of look-up and connecting'
complete -c ioa -n '__ioa_command connect' -l retry -x -d 'Try a failed connect or look-up again'
complete -c ioa -n '__ioa_command connect' -l wait -x -d 'Try again for so long'
complete -c ioa -n '__ioa_command connect' -l retry-delay -x -d 'Pause before the first retry'
complete -c ioa -n '__ioa_command connect' -l retry-max-delay -x -d 'The longest pause between tries'
complete -c ioa -n '__ioa_command connect' -s i -l idle-timeout -x -d 'Limit of silence in both directions'
complete -c ioa -n '__ioa_command connect' -l timeout -x -d 'Limit of the whole run'
complete -c ioa -n '__ioa_command connect' -l on-stdin-eof -x -a 'half-close\t"Shut down the write side and go on receiving"
after-reply\t"The same, once the peer has said something"
close\tClose
keep\t"Leave the write side open"' -d 'What to do when stdin ends'
complete -c ioa -n '__ioa_command connect' -l on-peer-eof -x -a 'auto\t"Finish if stdin is a regular file, else exit"
exit\t"Send what stdin has ready, then end"
finish\t"Go on sending until stdin ends"' -d 'What to do when the peer ends'
complete -c ioa -n '__ioa_command connect' -s q -l quit-after -x -d 'End so long after stdin has ended'
complete -c ioa -n '__ioa_command connect' -s N -d 'Shut down the write side when stdin ends, the default'
complete -c ioa -n '__ioa_command connect' -l send-only -d 'Receive nothing'
complete -c ioa -n '__ioa_command connect' -l recv-only -d 'Send nothing'
complete -c ioa -n '__ioa_command connect' -l frame -x -a 'chunk line nul len32' -d 'What a datagram is'
complete -c ioa -n '__ioa_command connect' -l mtu -x -d 'The size of a chunk'
complete -c ioa -n '__ioa_command connect' -s o -l output -r -F -d 'Store what is received in a file'
complete -c ioa -n '__ioa_command connect' -s x -l hex-dump -r -F -d 'Write down both directions in a file'
complete -c ioa -n '__ioa_command connect' -l append -d 'Add to the files written'
complete -c ioa -n '__ioa_command connect' -s C -l crlf -d 'Send CR LF for each lone LF'
complete -c ioa -n '__ioa_command connect' -l rate -x -d 'No more bytes a second each way'
complete -c ioa -n '__ioa_command connect' -l progress -d 'A live meter on stderr'
complete -c ioa -n '__ioa_command connect' -l stats -d 'Say at the end what was moved'
complete -c ioa -n '__ioa_command connect' -l sha256 -d 'Say at the end the SHA-256 of each direction'
complete -c ioa -n '__ioa_command connect' -s e -l exec -x -a '(__fish_complete_command)' -d 'Join the peer to a command'
complete -c ioa -n '__ioa_command connect' -s c -l sh-exec -x -d 'Join the peer to a command line'
complete -c ioa -n '__ioa_command connect' -l to -x -a 'tcp: tcp4: tcp6: unix: exec: shell: pty: read: write: file: fd: zero: random: discard -' -d 'Join the peer to another address'
complete -c ioa -n '__ioa_command connect' -l kill-after -x -d 'Time that a command has to end'
complete -c ioa -n '__ioa_command connect' -s z -l probe -d 'See which ports are open'
complete -c ioa -n '__ioa_command connect' -s j -l jobs -x -d 'Probe so many ports at once'
complete -c ioa -n '__ioa_command connect' -l until-closed -d 'The ports are to be closed'
complete -c ioa -n '__ioa_command connect' -l stable -x -d 'With --wait, and to stay so for so long'
complete -c ioa -n '__ioa_command connect' -l any -d 'One open port is enough'
complete -c ioa -n '__ioa_command connect' -l json -d 'A JSON object a port'

# listen
complete -c ioa -n '__ioa_command listen' -s 4 -d 'Use IPv4 only'
complete -c ioa -n '__ioa_command listen' -s 6 -d 'Use IPv6 only'
complete -c ioa -n '__ioa_command listen' -s n -l numeric -d 'Look no host name up'
complete -c ioa -n '__ioa_command listen' -s U -l unix -d 'The operands are paths of Unix sockets'
complete -c ioa -n '__ioa_command listen' -s u -l udp -d 'Receive datagrams'
complete -c ioa -n '__ioa_command listen' -s p -l port -x -d 'The port to listen on'
complete -c ioa -n '__ioa_command listen' -s l -l listen -d 'Accepted, as this is what the command does'
complete -c ioa -n '__ioa_command listen' -l backlog -x -d 'Connections that may wait to be accepted'
complete -c ioa -n '__ioa_command listen' -l reuse-port -d 'Share the port with other processes of yours'
complete -c ioa -n '__ioa_command listen' -l unix-mode -x -d 'Permissions of a Unix socket'
complete -c ioa -n '__ioa_command listen' -l interface -x -a '(__ioa_interfaces)' -d 'Listen at this network interface only'
complete -c ioa -n '__ioa_command listen' -l ttl -x -d 'Time to live of what is sent'
complete -c ioa -n '__ioa_command listen' -l tos -x -d 'Type of service of what is sent'
complete -c ioa -n '__ioa_command listen' -l nodelay -d 'Send small writes at once'
complete -c ioa -n '__ioa_command listen' -l keepalive -x -d 'Probe a peer after so long a silence'
complete -c ioa -n '__ioa_command listen' -l sndbuf -x -d 'Send buffer of the sockets'
complete -c ioa -n '__ioa_command listen' -l rcvbuf -x -d 'Receive buffer of the sockets'
complete -c ioa -n '__ioa_command listen' -l fastopen -d 'Take first bytes with the SYN'
complete -c ioa -n '__ioa_command listen' -l mptcp -d 'Use Multipath TCP where the system has it'
complete -c ioa -n '__ioa_command listen' -s k -l keep-open -d 'Serve until told to stop'
complete -c ioa -n '__ioa_command listen' -l echo -d 'Send back what a peer sends'
complete -c ioa -n '__ioa_command listen' -l discard -d 'Throw away what a peer sends'
complete -c ioa -n '__ioa_command listen' -l broker -d 'Give what a peer sends to every other'
complete -c ioa -n '__ioa_command listen' -l chat -d 'The same by lines, with names'
complete -c ioa -n '__ioa_command listen' -l slow-peer -x -a 'pause drop disconnect' -d 'What to do where one reads slowly'
complete -c ioa -n '__ioa_command listen' -l tag -d 'Begin each line of stdout with the peer'
complete -c ioa -n '__ioa_command listen' -l allow -x -d 'Serve these peers only'
complete -c ioa -n '__ioa_command listen' -l deny -x -d 'Refuse these peers'
complete -c ioa -n '__ioa_command listen' -l allow-file -r -F -d 'Serve the peers of a file only'
complete -c ioa -n '__ioa_command listen' -l deny-file -r -F -d 'Refuse the peers of a file'
complete -c ioa -n '__ioa_command listen' -l max-per-ip -x -d 'Connections from one address at once'
complete -c ioa -n '__ioa_command listen' -s m -l max-conns -x -d 'Connections at once'
complete -c ioa -n '__ioa_command listen' -l buffer -x -d 'Stop reading one side while so much waits for the other'
complete -c ioa -n '__ioa_command listen' -l workers -x -d 'Serve with so many processes'
complete -c ioa -n '__ioa_command listen' -l user -x -a '(__fish_complete_users)' -d 'Become this user once the sockets are bound'
complete -c ioa -n '__ioa_command listen' -l group -x -a '(__fish_complete_groups)' -d 'Become this group once the sockets are bound'
complete -c ioa -n '__ioa_command listen' -s e -l exec -x -a '(__fish_complete_command)' -d 'Join a peer to a command'
complete -c ioa -n '__ioa_command listen' -s c -l sh-exec -x -d 'Join a peer to a command line'
complete -c ioa -n '__ioa_command listen' -l to -x -a 'tcp: tcp4: tcp6: udp: udp4: udp6: unix: unix-dgram: unix-seqpacket: exec: shell: pty: read: write: file: fd: zero: random: discard -' -d 'Join a peer to another address'
complete -c ioa -n '__ioa_command listen' -l kill-after -x -d 'Time that a command has to end'
complete -c ioa -n '__ioa_command listen' -l frame -x -a 'chunk line nul len32' -d 'What a datagram is'
complete -c ioa -n '__ioa_command listen' -l mtu -x -d 'The size of a chunk'
complete -c ioa -n '__ioa_command listen' -l port-file -r -F -d 'Write the ports to a file once listening'
complete -c ioa -n '__ioa_command listen' -l ready-fd -x -d 'Write the addresses to a descriptor once listening'
complete -c ioa -n '__ioa_command listen' -s i -l idle-timeout -x -d 'Limit of silence of a connection'
complete -c ioa -n '__ioa_command listen' -l accept-timeout -x -d 'Limit of waiting for a peer'
complete -c ioa -n '__ioa_command listen' -l timeout -x -d 'Limit of the whole run'
complete -c ioa -n '__ioa_command listen' -s w -l connect-timeout -x -d 'Limit of look-ups and of connecting'
complete -c ioa -n '__ioa_command listen' -l drain -x -d 'Let connections go on so long after a signal'
complete -c ioa -n '__ioa_command listen' -l on-stdin-eof -x -a 'half-close after-reply close keep' -d 'What to do when stdin ends'
complete -c ioa -n '__ioa_command listen' -l on-peer-eof -x -a 'auto exit finish' -d 'What to do when the peer ends'
complete -c ioa -n '__ioa_command listen' -s q -l quit-after -x -d 'End so long after stdin has ended'
complete -c ioa -n '__ioa_command listen' -s N -d 'Shut down the write side when stdin ends, the default'
complete -c ioa -n '__ioa_command listen' -l send-only -d 'Receive nothing'
complete -c ioa -n '__ioa_command listen' -l recv-only -d 'Send nothing'
complete -c ioa -n '__ioa_command listen' -s o -l output -r -F -d 'Store what is received in a file'
complete -c ioa -n '__ioa_command listen' -s x -l hex-dump -r -F -d 'Write down both directions in a file'
complete -c ioa -n '__ioa_command listen' -l append -d 'Add to the files written'
complete -c ioa -n '__ioa_command listen' -s C -l crlf -d 'Send CR LF for each lone LF'
complete -c ioa -n '__ioa_command listen' -l rate -x -d 'No more bytes a second each way'
complete -c ioa -n '__ioa_command listen' -l progress -d 'A live meter on stderr'
complete -c ioa -n '__ioa_command listen' -l stats -d 'Say at the end what was moved'
complete -c ioa -n '__ioa_command listen' -l sha256 -d 'Say at the end the SHA-256 of each direction'

# resolve
complete -c ioa -n '__ioa_command resolve' -s 4 -d 'IPv4 addresses only'
complete -c ioa -n '__ioa_command resolve' -s 6 -d 'IPv6 addresses only'
complete -c ioa -n '__ioa_command resolve' -s s -l short -d 'Values only'
complete -c ioa -n '__ioa_command resolve' -l first -d 'The first address of each name'
complete -c ioa -n '__ioa_command resolve' -s x -l reverse -d 'Addresses to names'
complete -c ioa -n '__ioa_command resolve' -l via -x -a 'system dns' -d 'Whom to ask'
complete -c ioa -n '__ioa_command resolve' -l server -x -d 'Ask this name server'
complete -c ioa -n '__ioa_command resolve' -s t -l type -x -a 'A AAAA PTR CNAME MX NS TXT SRV SOA CAA HTTPS' -d 'Records of this type'
complete -c ioa -n '__ioa_command resolve' -l attempts -x -d 'Try each name so often'
complete -c ioa -n '__ioa_command resolve' -l max-rate -x -d 'So many names a second'
complete -c ioa -n '__ioa_command resolve' -l format -x -a 'text json hosts getent' -d 'How results are written'
complete -c ioa -n '__ioa_command resolve' -s j -l jobs -x -d 'So many look-ups at once'
complete -c ioa -n '__ioa_command resolve' -l timeout -x -d 'Limit of each name'
complete -c ioa -n '__ioa_command resolve' -l unordered -d 'Results as they come'
complete -c ioa -n '__ioa_command resolve' -l json -d 'A JSON object a name'
complete -c ioa -n '__ioa_command resolve' -l progress -d 'Show how far it is'

# run-child
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l timeout -x -d 'How long it may run'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l idle-timeout -x -d 'How long it may be without output'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l kill-signal -x -a 'TERM INT HUP QUIT KILL USR1 USR2' -d 'What it gets at a limit'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l kill-after -x -d 'When KILL follows'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l guard -d 'Have a second process end what it started'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l chdir -x -a '(__fish_complete_directories)' -d 'Run it in this directory'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l env -x -d 'Set a variable'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l unset -x -a '(set -xn)' -d 'Remove a variable'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l clear-env -d 'Begin with an empty environment'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l umask -x -d 'File mode creation mask'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l nice -x -d 'Added to the niceness'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l user -x -a '(__fish_complete_users)' -d 'Run it as this user'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l group -x -a '(__fish_complete_groups)' -d 'Run it with this group'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l rlimit -x -a 'as= core= cpu= data= fsize= memlock= nofile= nproc= stack=' -d 'A resource limit'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l stdin -r -F -d 'What it reads'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l stdin-text -x -d 'What it reads'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l stdout -r -F -d 'Where its output goes'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l stderr -r -F -d 'Where its errors go'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l fd -x -d 'Open a file as a descriptor'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l pty -d 'Run it on a terminal of its own'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l new-session -d 'Run it in a session of its own'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l listen -x -d 'Bind this and pass it on'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l tag -d 'Begin each line with a text'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l timestamps -d 'Begin each line with the time'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l report -d 'Say at the end how it went'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l json -d 'The same as a JSON object'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l capture -d 'Its output as members of the object'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l restart -x -a 'never on-failure always' -d 'When to run it again'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l max-restarts -x -d 'Restarts at most'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l retry -x -d 'Run it again until it succeeds'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l backoff -x -d 'Pause before it is run again'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l success-status -x -d 'Statuses that are success'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l from -r -F -d 'Run it once for each line'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -s j -l jobs -x -d 'So many at once'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -s 0 -l null -d 'NUL ends a line'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l unordered -d 'Outputs whole as they end'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l interleave -d 'Outputs line by line as they come'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l halt -x -a 'never soon now' -d 'What happens when one has failed'
complete -c ioa -n '__ioa_command run-child; and not __ioa_has_command' -l progress -d 'A live meter on stderr'

# timer
complete -c ioa -n '__ioa_command timer' -l count -x -d 'End after so many ticks'
complete -c ioa -n '__ioa_command timer' -l for -x -d 'End after so long'
complete -c ioa -n '__ioa_command timer' -l until -x -d 'End at that time'
complete -c ioa -n '__ioa_command timer' -l first -x -d 'Time to the first tick'
complete -c ioa -n '__ioa_command timer' -l align -d 'Tick on the multiples of the interval'
complete -c ioa -n '__ioa_command timer' -l jitter -x -d 'Be late by chance, up to so much'
complete -c ioa -n '__ioa_command timer' -l missed -x -a 'skip catch-up drift' -d 'What a late loop does'
complete -c ioa -n '__ioa_command timer' -l print -d 'Print a line for each tick'
complete -c ioa -n '__ioa_command timer' -l format -x -d 'What the line is'
complete -c ioa -n '__ioa_command timer' -l json -d 'A JSON object a tick'
complete -c ioa -n '__ioa_command timer' -l progress -d 'Count down on stderr'
complete -c ioa -n '__ioa_command timer' -l overlap -x -a 'skip queue kill parallel' -d 'If the last command still runs'
complete -c ioa -n '__ioa_command timer' -l kill-after -x -d 'When KILL follows TERM'
complete -c ioa -n '__ioa_command timer' -l stop-on-failure -d 'End when a command fails'

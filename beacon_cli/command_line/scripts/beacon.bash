# Completion of beacon for bash. Installed by: beacon --install-completion bash

_beacon_completion() {
    local program=${1/#\~\//$HOME/} reply line
    COMPREPLY=()
    reply=$(
        _BEACON_COMPLETE=complete_bash \
            _BEACON_COMPLETE_LINE="${COMP_LINE:0:COMP_POINT}" \
            _BEACON_COMPLETE_BREAKS="$COMP_WORDBREAKS" \
            "$program" 2>/dev/null
    ) || return 0
    if [[ $reply == :files ]]; then
        return 0 # readline completes names of files
    fi
    compopt +o default 2>/dev/null
    while IFS= read -r line; do
        if [[ -n $line ]]; then
            COMPREPLY+=("$line")
        fi
    done <<<"$reply"
}

complete -o default -o nosort -F _beacon_completion beacon 2>/dev/null ||
    complete -o default -F _beacon_completion beacon # bash before 4.4

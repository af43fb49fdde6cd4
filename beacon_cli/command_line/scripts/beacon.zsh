#compdef beacon
# Completion of beacon for zsh. Installed by: beacon --install-completion zsh

_beacon() {
    local program=${(Q)words[1]}
    local -a reply
    program=${program/#\~\//$HOME/}
    reply=("${(@f)$(
        _BEACON_COMPLETE=complete_zsh \
            _BEACON_COMPLETE_LINE="${(j: :)words[1,CURRENT]}" \
            "$program" 2>/dev/null
    )}")
    if [[ $reply[1] == :files ]]; then
        [[ $PREFIX == -*=* ]] && compset -P 1 '*='
        _files
    elif [[ -n $reply[1] ]]; then
        _describe -V beacon reply
    fi
}

if [[ $funcstack[1] == _beacon ]]; then
    _beacon "$@" # loaded from a folder of fpath
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _beacon beacon
fi

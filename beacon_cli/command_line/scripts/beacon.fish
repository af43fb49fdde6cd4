# Completion of beacon for fish. Installed by: beacon --install-completion fish

function __beacon_completion
    set -l words (commandline -opc)
    set -l program (string replace -r '^~(?=/)' $HOME -- $words[1])
    set -l token (commandline -ct)
    set -l reply (env _BEACON_COMPLETE=complete_fish _BEACON_COMPLETE_LINE=(commandline -cp | string collect) $program 2>/dev/null)
    if test "$reply[1]" = :files
        set -l option (string match -r -- '^--[^=]*=' $token)
        for path in (__fish_complete_path (string replace -- "$option" '' $token))
            printf '%s\n' "$option$path"
        end
    else if set -q reply[1]
        printf '%s\n' $reply
    end
end

complete --command beacon --no-files --keep-order --arguments '(__beacon_completion)'

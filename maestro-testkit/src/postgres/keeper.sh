# Keeps one Postgres server for tests: makes it, starts it, waits for its last user, then stops and removes it.
#
#   $1  the directory of the server; all of it goes at the end
#   $2  the folder of the server's programs
#   $3  how many seconds to wait for another user after the last one
#
# Standard input is the reading end of the pipe `users`. Every user holds the other end open for as long as it lives, so
# that the pipe ends with the last of them, however that one ended. The reading end is held by nobody but the keeper:
# where it is gone, so is the keeper.

directory=$1 programs=$2 linger=$3
cd "$directory" || exit 1
exec 3<&0 </dev/null
echo $$ >keeper

finish() {
    trap '' HUP INT TERM
    : >stopping
    if [ -e data/postmaster.pid ]; then
        "$programs/pg_ctl" -D data -m immediate -w -t 30 stop >>log 2>&1 3<&-
    fi
    # Renamed first, so that whoever comes now finds either all of it or nothing.
    mv "$directory" "$directory.gone"
    cd / && rm -rf "$directory.gone"
    exit 0
}

wait_for_the_last() {
    while read -r _ <&3; do :; done
}

trap finish HUP INT TERM

{
    "$programs/initdb" -D data -U postgres -A trust --encoding=UTF8 --no-locale --no-sync --no-instructions &&
        cat settings >>data/postgresql.conf &&
        "$programs/pg_ctl" -D data -l log -w -t 60 start
} >>log 2>&1 3<&-
if [ $? -eq 0 ]; then : >ready; else : >failed; fi

while :; do
    wait_for_the_last
    left=$linger
    while [ "$left" -gt 0 ]; do
        sleep 1
        left=$((left - 1))
    done
    # A user holds the pipe, then looks whether `stopping` is there; here it is made first, then the pipe is looked at.
    # So at least one of the two sees the other.
    : >stopping
    (
        wait_for_the_last
        : >alone
    ) &
    sleep 0.2
    [ -e alone ] && finish
    rm -f stopping
    wait
    rm -f alone
done

#!/bin/sh
# The key ring in a file. Each step is saved before a server reads it.
#
#   ring.sh new FILE ID     a first key; never over a file that is there
#   ring.sh add FILE ID     a key behind the others: every process learns to read it
#   ring.sh use FILE        the last key goes to the front: it seals
#   ring.sh drop FILE       all keys but the first go
set -eu
umask 077
file=$2
key() { printf '%s:%s' "$1" "$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n')"; }
put() {
	printf '%s\n' "$1" >"$file.new"
	mv "$file.new" "$file"
}
case $1 in
new)
	set -C
	printf '%s\n' "$(key "$3")" >"$file"
	;;
add)
	! grep -Eq "(^|,)$3:" "$file" || { echo "a key is called $3 already" >&2; exit 1; }
	put "$(cat "$file"),$(key "$3")"
	;;
use) put "$(sed -E 's/^(.*),([^,]*)$/\2,\1/' "$file")" ;;
drop) put "$(sed 's/,.*//' "$file")" ;;
*) exit 2 ;;
esac

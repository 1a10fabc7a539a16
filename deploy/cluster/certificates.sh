#!/bin/sh
# Makes the certificates with which NATS servers and the processes of Parley know each other:
#
#   sh deploy/cluster/certificates.sh FOLDER HOST=NAME[,NAME...]...
#
# NAMEs are the DNS names and IP addresses under which the others reach that host's NATS server. FOLDER gets an authority
# (ca.crt, ca.key) and for each HOST a folder to copy there: ca.crt, and a certificate and key for each process. An
# authority that is there already is used again; a host's folder that is there already is left alone, and nothing is made.
set -eu
umask 077

AUTHORITY_DAYS=3650
DAYS=398

fail() {
    echo "$1" >&2
    exit 1
}

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

new_authority() {
    new_key "$1/ca.key"
    openssl req -x509 -new -key "$1/ca.key" -out "$1/ca.crt" -days "$AUTHORITY_DAYS" -subj "/CN=Parley authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
}

# certificate FILE SUBJECT EXTENSIONS: signed by the authority of $folder.
certificate() {
    new_key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n%s\n' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -days "$DAYS" -extfile "$1.ext" \
        -set_serial "0x$(openssl rand -hex 16)" -out "$1.crt" 2>/dev/null
    rm "$1.csr" "$1.ext"
}

# DNS:name,IP:address,... of a list of both.
alternatives() {
    echo "$1" | tr ',' '\n' | sed -E '/^[0-9.]+$/s/^/IP:/; /:.*:/s/^/IP:/; /^IP:/!s/^/DNS:/' | paste -s -d , -
}

[ $# -ge 2 ] || fail "Say where, and for whom: sh $0 FOLDER HOST=NAME[,NAME...]..."
folder=$1
shift
for host in "$@"; do
    case $host in
        ?*=?*) ;;
        *) fail "$host: say under which names or addresses it is reached, as in one=one.example.org,192.0.2.1" ;;
    esac
    if [ -e "$folder/${host%%=*}" ]; then
        fail "$folder/${host%%=*} is there already: move it away to have new certificates made. Nothing was made."
    fi
done
mkdir -p "$folder"
[ -e "$folder/ca.key" ] || new_authority "$folder"

for host in "$@"; do
    name=${host%%=*}
    fresh=$(mktemp -d "$folder/.$name.XXXXXX")
    # Beside it and then in its place: a host's folder is whole, or there is none.
    trap 'rm -rf "$fresh"' EXIT
    cp "$folder/ca.crt" "$fresh"
    # Servers are each other's clients, too.
    certificate "$fresh/nats" "nats on $name" "extendedKeyUsage=serverAuth,clientAuth
subjectAltName=$(alternatives "${host#*=}")"
    for process in gateway broker auth_api; do
        certificate "$fresh/$process" "$process on $name" "extendedKeyUsage=clientAuth"
    done
    mv "$fresh" "$folder/$name"
done
trap - EXIT
echo "Made certificates in $folder for $DAYS days. Keep $folder/ca.key in a safe place: no host needs it."

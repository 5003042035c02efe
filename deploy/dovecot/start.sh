#!/bin/sh
# Makes what must not lie in an image: the password of the mailboxes and the key of the certificate.
# /access is shared with mailbot (uid 10001), which reads the password and the certificate there; the key stays here.
set -eu
umask 077
mkdir -p /run/access
if [ ! -s /access/password ]; then
    openssl rand -hex 24 | tr -d '\n' >/access/password
    chown 10001:10001 /access/password
fi
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=dovecot \
    -addext subjectAltName=DNS:dovecot,DNS:localhost,IP:127.0.0.1 \
    -keyout /run/access/key.pem -out /run/access/cert.pem 2>/dev/null
install -m 0644 /run/access/cert.pem /access/cert.pem
for user in helpdesk@helpdesk.example jan.kowalski@citizen.example anna.nowak@citizen.example; do
    printf '%s:{PLAIN}%s::::::\n' "$user" "$(cat /access/password)"
done >/run/access/users
chown dovecot /run/access /run/access/users
chmod 0755 /access
chown vmail:vmail /srv/mail
exec dovecot -F -c /etc/dovecot/dovecot.conf

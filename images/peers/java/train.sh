#!/bin/sh
# Lets client and server meet once while the image is built, so that the classes of a handshake are in an archive
# and need not be loaded and verified at each start. The keys made for it are thrown away.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
store="-storetype JKS -storepass changeit"
for name in a b; do
    keytool -genkeypair -alias $name -keyalg EC -groupname secp256r1 -dname O=training -ext san=dns:localhost \
        -keystore "$dir/$name.jks" $store
    keytool -exportcert -alias $name -file "$dir/$name.der" -keystore "$dir/$name.jks" $store
    keytool -importcert -noprompt -alias $name -file "$dir/$name.der" -keystore "$dir/trust.jks" $store
done
run() { # identity, version, archive, class and arguments
    identity=$1 version=$2 archive=$3
    shift 3
    java @/app/jvm.options -Djavax.net.ssl.keyStore="$dir/$identity.jks" -Djavax.net.ssl.keyStorePassword=changeit \
        -Djavax.net.ssl.trustStore="$dir/trust.jks" -Djavax.net.ssl.trustStorePassword=changeit \
        -Djdk.tls.client.protocols="$version" $archive -cp /app/peer.jar "$@"
}
run a TLSv1.3 -Xshare:auto Server 12345 &
server=$!
until run b TLSv1.2 -Xshare:auto Client localhost 12345 warm; do
    kill -0 $server
    sleep 1
done
run b TLSv1.3,TLSv1.2 "-Xlog:cds=error -Xlog:cds+dynamic=error -XX:ArchiveClassesAtExit=/app/client.jsa" \
    Client localhost 12345 training
# The server answers no HTTP: what is loaded until then is enough.
run b TLSv1.3,TLSv1.2 "-Xlog:cds=error -Xlog:cds+dynamic=error -XX:ArchiveClassesAtExit=/app/get.jsa" \
    HttpGet https://localhost:12345/training || true
kill $server
wait $server || true

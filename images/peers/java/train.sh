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
# A shared archive holds for the class path that it was made with.
jars=/app/peer.jar:/usr/share/java/gson.jar
run() { # identity, archive, class path, class and arguments
    identity=$1 archive=$2
    shift 2
    java @/app/jvm.options -Djavax.net.ssl.keyStore="$dir/$identity.jks" -Djavax.net.ssl.keyStorePassword=changeit \
        -Djavax.net.ssl.trustStore="$dir/trust.jks" -Djavax.net.ssl.trustStorePassword=changeit $archive -cp "$@"
}
client() { # archive, versions, line
    run b "$1" $jars Client "$dir/b.jks" "$dir/trust.jks" changeit "$2" localhost 12345 "$3"
}
run a -Xshare:auto $jars Server 12345 &
server=$!
until client -Xshare:auto TLSv1.2 warm; do
    kill -0 $server
    sleep 1
done
client "-Xlog:cds=error -Xlog:cds+dynamic=error -XX:ArchiveClassesAtExit=/app/client.jsa" TLSv1.3,TLSv1.2 training
# The server answers no HTTP: what is loaded until then is enough.
run b "-Xlog:cds=error -Xlog:cds+dynamic=error -XX:ArchiveClassesAtExit=/app/get.jsa" /app/peer.jar \
    HttpGet https://localhost:12345/training || true
kill $server
wait $server || true

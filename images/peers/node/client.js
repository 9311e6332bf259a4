// Asks for one path of a server that it has verified, and prints the answer. Exits 0 if that is a success.
// usage: client.js --ca=FILE --cert=FILE --key=FILE --crl=FILE --tls=VERSION --host=NAME --port=PORT --path=PATH
'use strict';

const fs = require('fs');
const https = require('https');

const { ca, cert, key, crl, tls, host, port, path } = Object.fromEntries(
  process.argv.slice(2).map((word) => word.match(/^--([a-z]+)=(.*)$/).slice(1)),
);

function fail(why) {
  console.error(`client: ${why.trim()}`);
  process.exit(1);
}

const options = {
  host,
  port,
  path,
  servername: host,
  ca: fs.readFileSync(ca),
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
};
if (tls) {
  options.minVersion = options.maxVersion = `TLSv${tls}`;
}
if (crl) {
  // Of a text with several lists Node reads the first alone.
  options.crl = fs.readFileSync(crl, 'utf8').match(/-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----/g);
}

const request = https.get(options, (response) => {
  response.on('error', (err) => fail(err.message));
  response.on('end', () => {
    if (response.statusCode !== 200) {
      fail(`status ${response.statusCode}`);
    }
  });
  response.pipe(process.stdout);
});
request.on('error', (err) => fail(err.message));

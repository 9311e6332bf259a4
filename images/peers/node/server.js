// Answers each request of a client that it has verified with the path that was asked for.
// usage: server.js CA CERT KEY [CRL]
'use strict';

const fs = require('fs');
const https = require('https');

const [ca, cert, key, crl] = process.argv.slice(2);
const options = {
  ca: fs.readFileSync(ca),
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
  requestCert: true,
  rejectUnauthorized: true,
};
if (crl) {
  // Of a text with several lists Node reads the first alone.
  options.crl = fs.readFileSync(crl, 'utf8').match(/-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----/g);
}

const server = https.createServer(options, (request, response) => {
  console.log(`Received: ${request.url}`);
  response.end(`${request.url}\n`);
});
server.on('tlsClientError', (err, socket) => {
  console.error('refused or broken:', socket.authorizationError || err.message.trim());
});
server.listen(8443);

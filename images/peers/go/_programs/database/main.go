// Asks a PostgreSQL server to say -message back, by lib/pq or by pgx, whose settings are those of a
// connection string.
package main

import (
	"database/sql"
	"flag"
	"fmt"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/stdlib"
	_ "github.com/lib/pq"

	"programs/common"
)

func main() {
	mode := flag.String("sslmode", "verify-full", "as libpq has it")
	flag.Parse()
	settings := fmt.Sprintf(
		"host=%s port=%s user=lab dbname=lab sslmode=%s sslrootcert=%s sslcert=%s sslkey=%s %s",
		*common.Host, *common.Port, *mode, *common.CA, *common.Cert, *common.Key, flag.Arg(0))
	if *common.Driver == "pgx" {
		config, err := pgx.ParseConfig(settings)
		common.Check(err)
		config.PreferSimpleProtocol = true // as lib/pq does where a query has no parameters
		settings = stdlib.RegisterConnConfig(config)
	}
	db, err := sql.Open(*common.Driver, settings)
	common.Check(err)
	db.SetMaxOpenConns(1)
	var said string
	common.Check(db.QueryRow("SELECT '" + *common.Message + "'").Scan(&said))
	fmt.Println(said)
}

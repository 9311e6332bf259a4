package wire

// Exit codes of the client, one for each way an exchange can end. The lab
// reads them as a second witness beside the outcome line.
const (
	ExitDelivered     = 0 // every message has its receipt
	ExitFailed        = 1 // something else, such as bad material
	ExitUsage         = 2 // flags, environment or messages that cannot be used
	ExitRefused       = 3 // the client found the server not to be trusted
	ExitRefusedByPeer = 4 // the server refused the client, by an alert
	ExitUnreachable   = 5 // no connection was made
	ExitNoReceipt     = 6 // the connection ended, broke or timed out: nobody refused anybody
)

// ExitCode is what a client exits with after an outcome of this kind.
func (k Kind) ExitCode() int {
	switch k {
	case Delivered:
		return ExitDelivered
	case Refused:
		return ExitRefused
	case RefusedByPeer:
		return ExitRefusedByPeer
	case Unreachable:
		return ExitUnreachable
	case NoReceipt:
		return ExitNoReceipt
	default:
		return ExitFailed
	}
}

// Package controlplane holds no code: its module pins the programs that the oracle runs.
package controlplane

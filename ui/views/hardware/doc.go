// Package hardware shows machines: their tiers and links as a diagram, every
// number with its source, the measured curves; numbers can be changed into a
// profile of their own, and this host can be calibrated.
package hardware

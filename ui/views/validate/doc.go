// Package validate is the view that proves a plan: it runs it on this host and
// puts every number that was predicted beside the measured one.
package validate

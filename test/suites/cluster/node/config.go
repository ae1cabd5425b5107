package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The node's network, of which nobody outside of it knows.
const (
	Name           = "node-1"
	Address        = "10.88.0.1" // the node's, on the bridge that its pods hang on
	APIServer      = Address + ":6443"
	Issuer         = "https://" + APIServer
	serviceAddress = "10.96.0.1"
	podRange       = "10.88.0.0/16"
	firstPod       = "10.88.1.1" // addresses of 10.88.0 are for what stands beside the cluster
	serviceRange   = "10.96.0.0/16"
	bridge         = "pods"
	// SandboxImage holds each pod's namespaces.
	SandboxImage = "localhost/pod:1"
	// LogMaxSize is after how many bytes the kubelet rotates a log: on a node as they come after 10
	// MiB, here sooner, so that a test sees it.
	LogMaxSize = 2 << 20
)

// writeConfigs writes what the daemons read.
func (n *Node) writeConfigs() error {
	type object = map[string]any
	network, err := json.Marshal(object{"cniVersion": "1.0.0", "name": bridge, "plugins": []object{
		{"type": "bridge", "bridge": bridge, "isGateway": true, "ipMasq": true, "hairpinMode": true,
			"ipam": object{
				"type": "host-local", "ranges": [][]object{{{"subnet": podRange, "rangeStart": firstPod, "gateway": Address}}},
				"routes": []object{{"dst": "0.0.0.0/0"}},
			}},
		{"type": "portmap", "capabilities": object{"portMappings": true}},
	}})
	if err != nil {
		return err
	}
	kubelet, err := json.Marshal(object{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"containerRuntimeEndpoint": "unix://" + n.socket(), "cgroupDriver": "cgroupfs", "cgroupRoot": "/" + cgroupName,
		"failSwapOn": false, "clusterDNS": []string{Address}, "clusterDomain": "cluster.local", "resolvConf": "",
		"authentication": object{"anonymous": object{"enabled": false}, "webhook": object{"enabled": false},
			"x509": object{"clientCAFile": n.file("ca.crt")}},
		"authorization": object{"mode": "AlwaysAllow"}, "tlsCertFile": n.file("kubelet.crt"), "tlsPrivateKeyFile": n.file("kubelet.key"),
		"volumePluginDir": n.file("volume-plugins"), "podLogsDir": "/var/log/pods", "maxPods": 250,
		"containerLogMaxSize": fmt.Sprint(LogMaxSize), "containerLogMaxFiles": 5, "containerLogMonitorInterval": "3s",
		"evictionHard": object{"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
		// Images come from files, once: none may go.
		"imageGCHighThresholdPercent": 100, "serializeImagePulls": false,
		"syncFrequency": "10s", "configMapAndSecretChangeDetectionStrategy": "Watch",
	})
	if err != nil {
		return err
	}
	containerd := fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # Without CAP_SYS_RESOURCE runc cannot lower a sandbox's oom_score_adj, and no pod starts.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`, n.file("containerd"), n.socket(), SandboxImage, n.file("cni"))
	var hosts strings.Builder
	for _, name := range slices.Sorted(maps.Keys(n.options.Hosts)) {
		fmt.Fprintf(&hosts, "        %s %s\n", n.options.Hosts[name], name)
	}
	coredns := fmt.Sprintf(`.:53 {
    bind %s
    errors
    kubernetes cluster.local {
        kubeconfig %s
    }
    hosts {
%s    }
}
`, Address, n.file("coredns.conf"), hosts.String())
	if err := os.MkdirAll(n.file("cni"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		filepath.Join("cni", "10-bridge.conflist"): network, "kubelet.yaml": kubelet,
		"containerd.toml": []byte(containerd), "Corefile": []byte(coredns),
	} {
		if err := os.WriteFile(n.file(name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

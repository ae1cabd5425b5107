// Package node makes a Kubernetes cluster of one node out of real parts, on this machine, as root:
// etcd, API server, scheduler, controller manager, kubelet, containerd, kube-proxy and CoreDNS. Its
// input is programs that are installed or built, and image archives; its output is a handle with
// kubectl, the node's network and its files.
//
// It needs no network of this machine's and gives none: the cluster reaches nothing but what is in
// its own network namespace.
package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// Options describes a node. All are required but Hosts.
type Options struct {
	Kubernetes string            // what test/suites/cluster/kubernetes is built as
	CoreDNS    string            // CoreDNS's binary
	CA         *localaws.CA      // signs the cluster's certificates
	Sandbox    string            // archive of SandboxImage
	Hosts      map[string]string // name → address, for names outside of the cluster
}

// Node is a cluster of one node that runs.
type Node struct {
	options Options
	dir     string
	lock    *os.File
	init    *exec.Cmd
	stdin   io.Closer // the first process ends with it
	sweeper *sweeper
	parts   map[string]*part
}

func (n *Node) file(name string) string { return filepath.Join(n.dir, name) }

// Bin is the folder with kubectl and the daemons.
func (n *Node) Bin() string { return n.file("bin") }

func (n *Node) socket() string { return "/run/containerd/containerd.sock" }

func (n *Node) env() []string {
	return []string{"PATH=" + n.file("bin") + ":" + os.Getenv("PATH"), "HOME=" +
		n.dir, "KUBECONFIG=" + n.file("admin.conf")}
}

// Start starts everything and returns once the node is ready. The context bounds the start alone;
// Close ends it all.
func Start(ctx context.Context, o Options) (*Node, error) {
	n := &Node{options: o, dir: Dir(), parts: map[string]*part{}}
	var err error
	for n.lock, err = lock(); err != nil; n.lock, err = lock() { // another run has its node: after it
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, err
		}
	}
	for _, step := range []func(context.Context) error{n.prepare, n.startSweeper, n.startInit,
		n.network, n.controlPlane, n.worker} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

func (n *Node) prepare(context.Context) error {
	if err := removeLeftovers(); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "log"} {
		if err := os.MkdirAll(n.file(dir), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler",
		"kube-proxy", "kubelet", "kubectl"} {
		if err := os.Symlink(n.options.Kubernetes, filepath.Join(n.file("bin"), name)); err != nil {
			return err
		}
	}
	if err := os.Symlink(n.options.CoreDNS, filepath.Join(n.file("bin"), "coredns")); err != nil {
		return err
	}
	if err := n.writePKI(); err != nil {
		return err
	}
	if err := n.writeConfigs(); err != nil {
		return err
	}
	return makeCgroups()
}

// startInit starts the first process of the node's namespaces, whose end is the end of everything
// in them.
func (n *Node) startInit(context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	n.init = exec.Command(program)
	n.init.Args = []string{initName, n.dir, n.dir, filepath.Dir(n.options.Kubernetes),
		filepath.Dir(n.options.CoreDNS), filepath.Dir(n.options.Sandbox)}
	n.init.Env = n.env()
	n.init.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setpgid:    true, // Ctrl-C is for us, who end it
	}
	if n.stdin, err = n.init.StdinPipe(); err != nil {
		return err
	}
	out, err := n.init.StdoutPipe()
	if err != nil {
		return err
	}
	var said tail
	n.init.Stderr = &said
	if err := n.init.Start(); err != nil {
		return fmt.Errorf("cannot make the node's namespaces: %w", err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		_ = n.init.Wait()
		return fmt.Errorf("the node's first process ended: %s", said.text)
	}
	return nil
}

// network makes the bridge that the pods will hang on, which is also where the node itself has its
// address.
func (n *Node) network(ctx context.Context) error {
	for _, command := range []string{
		"ip link set lo up", "ip addr add 169.254.170.23/32 dev lo", // EKS Pod Identity's agent
		"ip link add " + bridge + " type bridge", "ip addr add " + Address + "/16 dev " + bridge,
		"ip addr add 10.88.0.2/16 dev " + bridge, "ip addr add 10.88.0.3/16 dev " + bridge, "ip link set " + bridge + " up",
	} {
		words := strings.Fields(command)
		if err := n.Command(ctx, words[0], words[1:]...).Run(); err != nil {
			return err
		}
	}
	for _, name := range []string{"ipv4/ip_forward", "bridge/bridge-nf-call-iptables"} {
		// By the node's own /proc: both are its network's alone.
		if err := n.Command(ctx, "sh", "-c", "echo 1 > /proc/sys/net/"+name).Run(); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) controlPlane(ctx context.Context) error {
	etcd := "http://127.0.0.1:2379"
	n.add("etcd", "etcd", "--data-dir", n.file("etcd"), "--listen-client-urls", etcd,
		"--advertise-client-urls", etcd,
		"--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync")
	n.add("kube-apiserver", "kube-apiserver", "--etcd-servers="+etcd,
		"--service-cluster-ip-range="+serviceRange, "--secure-port=6443",
		"--bind-address=0.0.0.0", "--advertise-address="+Address, "--tls-cert-file="+n.file("apiserver.crt"), "--tls-private-key-file="+n.file("apiserver.key"),
		"--client-ca-file="+n.file("ca.crt"), "--service-account-issuer="+Issuer, "--service-account-key-file="+n.file("sa.pub"),
		"--service-account-signing-key-file="+n.file("sa.key"), "--authorization-mode=Node,RBAC", "--allow-privileged=true",
		"--enable-admission-plugins=NodeRestriction", "--kubelet-client-certificate="+n.file("admin.crt"), "--kubelet-client-key="+n.file("admin.key"),
		"--kubelet-preferred-address-types=InternalIP")
	n.add("kube-controller-manager", "kube-controller-manager",
		"--kubeconfig="+n.file("kube-controller-manager.conf"),
		"--service-account-private-key-file="+n.file("sa.key"), "--root-ca-file="+n.file("ca.crt"), "--use-service-account-credentials=true", "--leader-elect=false")
	n.add("kube-scheduler", "kube-scheduler", "--kubeconfig="+n.file("kube-scheduler.conf"),
		"--leader-elect=false")
	if err := n.startParts("etcd", "kube-apiserver"); err != nil {
		return err
	}
	if err := n.wait(ctx, "the API server", func() error {
		_, err := n.Kubectl(ctx, "", "get", "--raw", "/readyz")
		return err
	}); err != nil {
		return err
	}
	// STS reads the issuer's documents without a name, as AWS reads EKS's.
	for name, subject := range map[string]string{"system:node-proxier": "--user=system:kube-proxy",
		"system:service-account-issuer-discovery": "--group=system:unauthenticated"} {
		if _, err := n.Kubectl(ctx, "", "create", "clusterrolebinding",
			"node-"+strings.ReplaceAll(name, ":",
				"-"), "--clusterrole="+name, subject); err != nil {
			return err
		}
	}
	return n.startParts("kube-controller-manager", "kube-scheduler")
}

func (n *Node) worker(ctx context.Context) error {
	n.add("containerd", "containerd", "--config", n.file("containerd.toml"))
	n.add("kubelet", "kubelet", "--config="+n.file("kubelet.yaml"),
		"--kubeconfig="+n.file("kubelet.conf"), "--hostname-override="+Name,
		"--node-ip="+Address, "--root-dir="+n.file("kubelet"))
	n.add("kube-proxy", "kube-proxy", "--kubeconfig="+n.file("kube-proxy.conf"),
		"--proxy-mode=iptables", "--hostname-override="+Name,
		"--cluster-cidr="+podRange, "--conntrack-max-per-core=0", "--conntrack-min=0")
	n.add("coredns", "coredns", "-conf", n.file("Corefile"))
	if err := n.startParts("containerd"); err != nil {
		return err
	}
	if err := n.wait(ctx, "containerd", func() error {
		return n.Command(ctx, "ctr", "-a", n.socket(), "version").Run()
	}); err != nil {
		return err
	}
	if err := n.ImportImage(ctx, n.options.Sandbox); err != nil {
		return err
	}
	if err := n.startParts("kubelet", "kube-proxy", "coredns"); err != nil {
		return err
	}
	return n.wait(ctx, "the node", func() error {
		ready, err := n.Kubectl(ctx, "", "get", "node", Name, "-o",
			`jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if err == nil && ready != "True" {
			err = errors.New("not ready")
		}
		if err == nil {
			_, err = n.Kubectl(ctx, "", "get", "serviceaccount", "default", "-n", "default")
		}
		return err
	})
}

// wait asks again until there is no error, or the context ends, or a part of the node does.
func (n *Node) wait(ctx context.Context, what string, ask func() error) error {
	for {
		err := ask()
		if err == nil {
			return nil
		}
		for _, p := range n.parts {
			if p.ended() {
				return fmt.Errorf("%s ended while waiting for %s; the end of %s:\n%s", p.name, what,
					p.log, lastLines(p.log, 15))
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s is not there: %w: %w", what, ctx.Err(), err)
		}
	}
}

// ImportImage gives containerd an image archive.
func (n *Node) ImportImage(ctx context.Context, archive string) error {
	return n.Command(ctx, "ctr", "-a", n.socket(), "-n", "k8s.io", "images", "import",
		archive).Run()
}

// TagImage gives an image of containerd's another name.
func (n *Node) TagImage(ctx context.Context, name, also string) error {
	return n.Command(ctx, "ctr", "-a", n.socket(), "-n", "k8s.io", "images", "tag", "--force", name,
		also).Run()
}

// Kubectl runs kubectl as the cluster's admin and returns what it prints.
func (n *Node) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	c := n.Command(ctx, filepath.Join(n.file("bin"), "kubectl"), args...)
	if stdin != "" {
		c.Stdin = strings.NewReader(stdin)
	}
	return c.Output()
}

// Close ends the node and removes what it left.
func (n *Node) Close() error {
	if n.init != nil && n.init.Process != nil {
		_ = n.stdin.Close()
		_ = n.init.Process.Kill() // and everything with it
		_ = n.init.Wait()
		for _, p := range n.parts {
			p.wait()
		}
	}
	n.sweeper.stop()
	err := removeLeftovers()
	return errors.Join(err, os.Remove(Dir()+".lock"), n.lock.Close())
}

package node

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// identities are the clients of the API server, with the groups that its rules know.
var identities = map[string]pkix.Name{
	"admin":                   {CommonName: "admin", Organization: []string{"system:masters"}},
	"kubelet":                 {CommonName: "system:node:" + Name, Organization: []string{"system:nodes"}},
	"kube-controller-manager": {CommonName: "system:kube-controller-manager"},
	"kube-scheduler":          {CommonName: "system:kube-scheduler"},
	"kube-proxy":              {CommonName: "system:kube-proxy"},
	"coredns":                 {CommonName: "admin", Organization: []string{"system:masters"}},
}

// writePKI makes the cluster's keys and certificates, and a kubeconfig for each identity.
func (n *Node) writePKI() error {
	serviceAccounts, err := rsa.GenerateKey(rand.Reader, 2048) // STS takes RS256 alone
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&serviceAccounts.PublicKey)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt": n.options.CA.PEM(),
		"sa.key": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(serviceAccounts)}),
		"sa.pub": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	}
	files["apiserver.crt"], files["apiserver.key"],
		err = n.options.CA.Issue("kube-apiserver", Address, serviceAddress,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	for name, subject := range identities {
		if files[name+".crt"], files[name+".key"], err = n.options.CA.IssueTo(subject, Name,
			Address); err != nil {
			return err
		}
		if files[name+".conf"], err = kubeconfig("https://"+APIServer, n.options.CA.PEM(),
			files[name+".crt"], files[name+".key"]); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(n.dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// kubeconfig is JSON, which is YAML too.
func kubeconfig(server string, ca, certificate, key []byte) ([]byte, error) {
	type object = map[string]any
	text := base64.StdEncoding.EncodeToString
	return json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "node",
		"clusters": []object{{"name": "node", "cluster": object{"server": server, "certificate-authority-data": text(ca)}}},
		"users":    []object{{"name": "user", "user": object{"client-certificate-data": text(certificate), "client-key-data": text(key)}}},
		"contexts": []object{{"name": "node", "context": object{"cluster": "node", "user": "user"}}},
	})
}

// Client asks the API server as the cluster's admin, from outside of the node.
func (n *Node) Client() (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(n.file("admin.crt"), n.file("admin.key"))
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{DialContext: n.Dial,
		TLSClientConfig: &tls.Config{
			RootCAs: n.options.CA.Pool(), Certificates: []tls.Certificate{pair},
			MinVersion: tls.VersionTLS12,
		}}}, nil
}

// WriteKubeconfig writes an admin's for a server that forwards to this node's API server, such as
// one on 127.0.0.1.
func (n *Node) WriteKubeconfig(path, server string) error {
	certificate, err := os.ReadFile(filepath.Join(n.dir, "admin.crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(n.dir, "admin.key"))
	if err != nil {
		return err
	}
	text, err := kubeconfig(server, n.options.CA.PEM(), certificate, key)
	if err != nil {
		return fmt.Errorf("cannot make a kubeconfig: %w", err)
	}
	return os.WriteFile(path, text, 0o600)
}

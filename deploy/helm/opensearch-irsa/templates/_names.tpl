{{/* One name for all objects, as in deploy/kubernetes; another release in the same cluster gets its own in front. */}}
{{- define "name" -}}
{{- if eq .Release.Name "opensearch-irsa" -}}opensearch-irsa{{- else -}}{{ printf "%s-opensearch-irsa" .Release.Name | trunc 50 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: opensearch-irsa
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "image" -}}
{{- if eq .Values.image.tag "latest" }}{{ fail "image.tag: write the one that make image printed: latest may be another on the next node" }}{{ end -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default (printf "%s-base%v" .Chart.AppVersion .Values.image.base) }}
{{- end -}}

{{/* The configuration's files. */}}
{{- define "configuration" -}}
fluent-bit.conf: |
{{ .Files.Get "files/fluent-bit.conf" | indent 2 }}
filters-first.conf: |
{{ .Values.config.filtersFirst | default (.Files.Get "files/filters-first.conf") | indent 2 }}
node.conf: |
{{ .Files.Get "files/node.conf" | indent 2 }}
filters-last.conf: |
{{ .Values.config.filtersLast | default (.Files.Get (ternary "files/tenants.conf" (ternary "files/namespace-opt-out.conf" "files/filters-last.conf" .Values.namespaceOptOut) .Values.tenants)) | indent 2 }}
inputs.conf: |
{{ .Values.config.inputs | default (.Files.Get (ternary "files/system-logs.conf" "files/inputs.conf" .Values.systemLogs)) | indent 2 }}
{{- end -}}

{{- define "settings" -}}
OPENSEARCH_ENDPOINT: {{ .Values.endpoint | quote }}
AWS_REGION: {{ .Values.region | quote }}
INDEX_NAME: {{ .Values.indexName | quote }}
{{- with .Values.serviceAccount.roleARN }}
FLUENT_BIT_ROLE_ARN: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* The role and its token, by the manifest itself: EKS's webhook fails open, and a pod admitted without it stays without. */}}
{{- define "role.environment" -}}
- name: AWS_ROLE_ARN
  valueFrom: {configMapKeyRef: {name: {{ include "name" . }}-settings, key: FLUENT_BIT_ROLE_ARN}}
- {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /var/run/secrets/opensearch-irsa/token}
{{- end -}}

{{- define "role.mount" -}}
- {name: role-token, mountPath: /var/run/secrets/opensearch-irsa, readOnly: true}
{{- end -}}

{{- define "role.volume" -}}
- name: role-token
  projected:
    sources:
      - serviceAccountToken: {path: token, audience: sts.amazonaws.com, expirationSeconds: 86400}
{{- end -}}

{{/* Settings as a container's environment, from the ConfigMap. */}}
{{- define "environment" -}}
- name: OPENSEARCH_ENDPOINT
  valueFrom: {configMapKeyRef: {name: {{ include "name" . }}-settings, key: OPENSEARCH_ENDPOINT}}
- name: AWS_REGION
  valueFrom: {configMapKeyRef: {name: {{ include "name" . }}-settings, key: AWS_REGION}}
{{- end -}}

{{- define "agent.environment" -}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: FLUENT_BIT_HTTP_LISTEN
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end -}}

{{/* Ports and probes: none of them asks for delivery but readiness. */}}
{{- define "agent.probes" -}}
ports:
  - {name: http, containerPort: 2020}
  - {name: metrics, containerPort: 2021}
livenessProbe:
  httpGet: {path: /, port: http}
  periodSeconds: 30
  timeoutSeconds: 5
  failureThreshold: 4
startupProbe:
  httpGet: {path: /, port: http}
  periodSeconds: 5
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 15
  timeoutSeconds: 5
{{- end -}}

{{- define "unprivileged" -}}
runAsUser: 65534
runAsNonRoot: true
fsGroup: 65534
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "nothing" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

package plugins

import (
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/wright-build/wright/proto/plugin/v1"
)

// options adapt the server to the protocol of its host.
func (p protocol) options() []grpc.ServerOption {
	if p >= 2 {
		return nil
	}
	return []grpc.ServerOption{grpc.StreamInterceptor(
		func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			whole := &wholeAnswer{ServerStream: stream}
			if err := handle(srv, whole); err != nil {
				return err
			}
			return stream.SendMsg(whole.answer)
		})}
}

// wholeAnswer makes one message of many and leaves out progress: a host of
// protocol 1 expects just one.
type wholeAnswer struct {
	grpc.ServerStream
	answer proto.Message
}

// SendMsg implements grpc.ServerStream.
func (w *wholeAnswer) SendMsg(m any) error {
	part := m.(proto.Message)
	if p, ok := m.(interface{ GetProgress() *pluginv1.Progress }); ok && p.GetProgress() != nil {
		return nil
	}
	if w.answer == nil {
		w.answer = part.ProtoReflect().New().Interface()
	}
	proto.Merge(w.answer, part)
	return nil
}

package dispatch

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
)

// valueOf turns a decoded TOML (or JSON) value into a protobuf one.
func valueOf(v any) *structpb.Value {
	switch v := v.(type) {
	case int64:
		return structpb.NewNumberValue(float64(v))
	case float64:
		return structpb.NewNumberValue(v)
	case bool:
		return structpb.NewBoolValue(v)
	case string:
		return structpb.NewStringValue(v)
	case time.Time:
		return structpb.NewStringValue(v.Format(time.RFC3339Nano))
	case map[string]any:
		return structpb.NewStructValue(structOf(v))
	case []any:
		return listOf(v)
	case []map[string]any:
		return listOf(v)
	}
	return structpb.NewStringValue(fmt.Sprint(v))
}

func listOf[T any](items []T) *structpb.Value {
	l := &structpb.ListValue{}
	for _, item := range items {
		l.Values = append(l.Values, valueOf(item))
	}
	return structpb.NewListValue(l)
}

"""equipoise.testing"""

"""Tests of what runs Parley: compose file, image, load balancer, monitoring."""
